"""Losses: (logits, targets) -> per-example losses (B,). Training minimises their mean.

Labels reach a loss as (B, classes), each row summing to 1: one-hot, or blended by mixup. What a loss compares the
logits with, its targets, it makes of them itself; only a distilling loss looks at the inputs as well.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from bigdeep import sections
from bigdeep.errors import one_of


class Loss(NamedTuple):
    """targets(inputs (B, H, W, C), labels (B, classes)) -> targets. per_example(logits, targets) -> (B,)."""

    targets: Callable[[jax.Array, jax.Array], Any]
    per_example: Callable[[jax.Array, Any], jax.Array]


def cross_entropy(label_smoothing: float) -> Loss:
    """Softmax cross-entropy against smoothed labels.

    loss = -sum_c t_c log softmax(z)_c, with t_c = (1 - s) y_c + s / C, in nats.

    label_smoothing: s in [0, 1); 0 is the plain cross-entropy.
    Source: Szegedy et al. 2016 (arXiv 1512.00567), section 7, for the smoothing.
    """
    sections.number("label_smoothing", label_smoothing, "[0, 1)")
    return Loss(lambda _, labels: optax.smooth_labels(labels, label_smoothing), optax.softmax_cross_entropy)


def squared_error(low: float, high: float) -> Loss:
    """Half the sum of squared errors of the outputs against two-valued targets.

    loss = 1/2 sum_c (z_c - t_c)^2, with t_c = low + (high - low) y_c: high for the label, low elsewhere.

    low, high: the two target values, low < high, e.g. -1 and 1 beside the scaled tanh.
    Source: LeCun et al. 1998, "Efficient BackProp", section 4.5, for the choice of targets.
    """
    sections.number("low", low)
    sections.number("high", high, f"({low}, inf)")

    def per_example(logits: jax.Array, targets: jax.Array) -> jax.Array:
        return 0.5 * jnp.sum((logits - targets) ** 2, axis=-1)

    return Loss(lambda _, labels: low + (high - low) * labels, per_example)


def maximum_a_posteriori(penalty: float) -> Loss:
    """LeCun's maximum a posteriori criterion for distances d_c = -logits_c to codes of the classes.

    loss = sum_c y_c d_c + log(exp(-penalty) + sum_c exp(-d_c)), which also pushes the other classes' distances up.

    penalty: j > 0; distances well above it are no longer pushed.
    Source: LeCun et al. 1998, "Gradient-based learning", equation 9.
    """
    sections.number("penalty", penalty, "(0, inf)")

    def per_example(logits: jax.Array, targets: jax.Array) -> jax.Array:
        rubbish = jnp.full((len(logits), 1), -penalty, logits.dtype)
        partition = jax.nn.logsumexp(jnp.concatenate([logits, rubbish], axis=1), axis=1)
        return partition - jnp.sum(targets * logits, axis=1)

    return Loss(lambda _, labels: labels, per_example)


def distillation(workdir: str, temperature: float, hard: float, teachers: Callable[[str], list[Callable]]) -> Loss:
    """Cross-entropy against the softened probabilities that trained nets give for the same deformed images.

    loss = -(1 - h) T^2 sum_c q_c log softmax(z / T)_c - h sum_c y_c log softmax(z)_c, where q is the mean of the
    teachers' softmax(z / T).

    workdir: the folder of the teacher's run, or several, A,B,C; temperature: T > 0; hard: h in [0, 1], the share of the
    true labels.
    Source: Hinton, Vinyals & Dean 2015 (arXiv 1503.02531), section 2.
    """
    sections.number("temperature", temperature, "(0, inf)")
    sections.number("hard", hard, "[0, 1]")
    committee = teachers(workdir)

    def targets(inputs: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        softened = [jax.nn.softmax(jax.lax.stop_gradient(logits(inputs)) / temperature) for logits in committee]
        return jnp.mean(jnp.stack(softened), axis=0), labels

    def per_example(logits: jax.Array, targets: tuple[jax.Array, jax.Array]) -> jax.Array:
        softened, labels = targets
        soft = optax.softmax_cross_entropy(logits / temperature, softened)
        return (1 - hard) * temperature**2 * soft + hard * optax.softmax_cross_entropy(logits, labels)

    return Loss(targets, per_example)


LOSSES: dict[str, Callable] = {
    "cross_entropy": cross_entropy,
    "squared_error": squared_error,
    "map": maximum_a_posteriori,
    "distillation": distillation,
}


def build(section: Mapping, distances: bool, teachers: Callable[[str], list[Callable]]) -> Loss:
    """The loss that `config.loss` names.

    distances: whether the net's outputs are distances to codes (an RBF head), which take the loss "map" and no other.
    teachers: folders of runs, A,B -> of each (inputs -> its logits).
    """
    loss = sections.construct("loss", LOSSES, section, teachers=teachers)
    fitting = ["map"] if distances else sorted(LOSSES.keys() - {"map"})
    head = "an rbf head" if distances else "a head without rbf"
    sections.check(section["name"] in fitting, "loss.name", section["name"], f"{one_of(fitting, '')} with {head}")
    return loss
