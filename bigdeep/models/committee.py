"""A committee as one net: members side by side, each trained on its share of the images, that judge together."""

from collections.abc import Callable, Mapping, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from bigdeep import sections
from bigdeep.models import deep, fractalnet, stack

NETS: dict[str, Callable] = {
    "mlp": stack.mlp,
    "stack": stack.stack,
    "deep": deep.deep,
    "fractalnet": fractalnet.fractalnet,
}


class Committee(nn.Module):
    """x -> log of the mean of the members' probabilities; while training, of each image what one member says.

    Of n members the k-th sees the images k, k + n, k + 2 n, … of a batch, counted from 1, and the loss of no image
    depends on two of them. So each learns as it would alone, from an n-th of the gradient, which Adam does not see.
    member: k for the k-th alone, 0 for all.
    """

    members: Sequence[Callable[..., nn.Module]]
    member: int

    @nn.compact
    def __call__(self, inputs: jax.Array, *, train: bool) -> jax.Array:
        named = [clone(parent=self, name=f"member{k}") for k, clone in enumerate(self.members, start=1)]
        if train:
            shares = inputs.reshape(-1, len(named), *inputs.shape[1:])
            outputs = [net(shares[:, k], train=True) for k, net in enumerate(named)]
            return jnp.stack(outputs, axis=1).reshape(len(inputs), -1)
        said = [net(inputs, train=False) for net in named]
        if self.member:
            return said[self.member - 1]
        return jax.nn.logsumexp(jax.nn.log_softmax(jnp.stack(said)), axis=0) - jnp.log(len(said))


def has_distances(section: Mapping) -> bool:
    """Whether a net's outputs are distances to codes of the classes (layers.rbf)."""
    return section["name"] == "stack" and section["layers"][-1]["name"] == "rbf"


def committee(members: Sequence[Mapping], member: int, shape: Sequence[int], classes: int) -> Committee:
    """A committee of nets, as a config's section describes each.

    members: at least one section of a net, of any kind but a committee. All have an rbf head or none.
    member: 0 for the mean of all, k for what the k-th says alone (training is the same).
    Source: Cireşan, Meier, Gambardella & Schmidhuber 2011 (arXiv 1103.4487), whose perceptrons train one by one.
    """
    sections.sequence("members", members, "at least one net")
    sections.check(len(members) > 0, "members", members, "at least one net")
    sections.integer("member", member, f"[0, {len(members)}]")
    context = {"shape": tuple(shape), "classes": classes}
    nets = [sections.construct(f"members[{k}]", NETS, section, **context) for k, section in enumerate(members)]
    rbf = sum(has_distances(section) for section in members)
    sections.check(rbf in (0, len(members)), "members", f"{rbf} with an rbf head", f"{len(members)} or none")
    return Committee([net.clone for net in nets], member)
