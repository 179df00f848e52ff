"""Losses: (logits, labels, inputs) -> (B,), one number an image. What to minimise is their mean.

The inputs are the images as the net saw them, (B, H, W, C); only a teacher looks at them.
"""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import optax

from bigdeep import config
from bigdeep.errors import one_of

Loss = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]


def cross_entropy(label_smoothing: float) -> Loss:
    """Softmax cross-entropy against softened one-hot targets.

    loss = -sum_c t_c log softmax(z)_c, with t_c = (1 - s) [c = label] + s / C, in nats.

    label_smoothing: s in [0, 1); 0 is the plain cross-entropy.
    Source: Szegedy et al. 2016 (arXiv 1512.00567), section 7, for the smoothing.
    """
    config.number("label_smoothing", label_smoothing, 0.0, 0.999)

    def loss(logits: jax.Array, labels: jax.Array, _: jax.Array) -> jax.Array:
        targets = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[-1]), label_smoothing)
        return optax.softmax_cross_entropy(logits, targets)

    return loss


def squared_error(low: float, high: float) -> Loss:
    """Half the sum of squared errors of the outputs against two-valued targets.

    loss = 1/2 sum_c (z_c - t_c)^2, with t_c = high where c = label, low elsewhere.

    low, high: the two target values, e.g. -1 and 1 beside the scaled tanh.
    Source: LeCun et al. 1998, "Efficient BackProp", section 4.5, for the choice of targets.
    """
    config.number("low", low, -float("inf"))
    config.number("high", high, low, above=True)

    def loss(logits: jax.Array, labels: jax.Array, _: jax.Array) -> jax.Array:
        targets = jnp.where(jax.nn.one_hot(labels, logits.shape[-1], dtype=bool), high, low)
        return 0.5 * jnp.sum((logits - targets) ** 2, axis=-1)

    return loss


def maximum_a_posteriori(penalty: float) -> Loss:
    """LeCun's maximum a posteriori criterion for distances y_c = -logits_c to codes of the classes.

    loss = y_label + log(exp(-penalty) + sum_c exp(-y_c)), which also pushes the other classes' distances up.

    penalty: j > 0; distances well above it are no longer pushed.
    Source: LeCun et al. 1998, "Gradient-based learning", equation 9.
    """
    config.number("penalty", penalty, 0.0, above=True)

    def loss(logits: jax.Array, labels: jax.Array, _: jax.Array) -> jax.Array:
        rubbish = jnp.full((len(logits), 1), -penalty, logits.dtype)
        own = jnp.take_along_axis(logits, labels[:, None].astype(int), axis=1)[:, 0]
        return jax.nn.logsumexp(jnp.concatenate([logits, rubbish], axis=1), axis=1) - own

    return loss


def distillation(workdir: str, temperature: float, hard: float, teacher: Callable[[str], Callable]) -> Loss:
    """Cross-entropy against the softened probabilities of a trained net, of the same deformed images.

    loss = -(1 - h) T^2 sum_c q_c log softmax(z / T)_c - h log softmax(z)_label, with q = softmax(teacher's z / T).

    workdir: the folder of the teacher's run; temperature: T > 0; hard: h in [0, 1], the share of the true labels.
    Source: Hinton, Vinyals & Dean 2015 (arXiv 1503.02531), section 2.
    """
    config.number("temperature", temperature, 0.0, above=True)
    config.number("hard", hard, 0.0, 1.0)
    teach = teacher(workdir)

    def loss(logits: jax.Array, labels: jax.Array, inputs: jax.Array) -> jax.Array:
        targets = jax.nn.softmax(jax.lax.stop_gradient(teach(inputs)) / temperature)
        soft = optax.softmax_cross_entropy(logits / temperature, targets)
        true = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return (1 - hard) * temperature**2 * soft + hard * true

    return loss


LOSSES = {
    "cross_entropy": cross_entropy,
    "squared_error": squared_error,
    "map": maximum_a_posteriori,
    "distillation": distillation,
}


def build(section: Mapping, distances: bool, teacher: Callable[[str], Callable]) -> Loss:
    """The loss that `config.loss` names.

    distances: whether the net gives distances to codes (an RBF head), which take the loss "map" and no other.
    teacher: folder of a run -> (inputs -> its logits).
    """
    made = config.construct("loss", LOSSES, section, teacher=teacher)
    own = ["map"] if distances else sorted(LOSSES.keys() - {"map"})
    head = "an rbf head" if distances else "a head without rbf"
    config.check(section["name"] in own, "loss.name", section["name"], f"{one_of(own, '')} with {head}")
    return made
