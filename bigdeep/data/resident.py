"""The batches of each step, of a training set that lies on the device as a whole or of batches brought there."""

from collections.abc import Callable

import jax

Batch = tuple[jax.Array, jax.Array]


def order(key: jax.Array, epoch: jax.Array | int, count: int) -> jax.Array:
    """int (count,): the order of the images in an epoch, permutation(fold_in(key, epoch))."""
    return jax.random.permutation(jax.random.fold_in(key, epoch), count)


def resident(images: jax.Array, labels: jax.Array, batch_size: int, shard: Callable[[Batch], Batch]) -> Callable:
    """batches(key, step) -> (batch_of(step) -> (images, labels)), for the steps of the epoch that `step` is in.

    The images of a step are a slice of the epoch's order, which is computed once, not in every step.
    Where batch_size does not divide the set, a different random remainder of it sits out each epoch. So the step number
    is the whole state of the data.

    images, labels: the training set on the device, uint8 (N, H, W, C) and (N,). shard: puts a batch on the devices.
    """
    epoch_steps = len(labels) // batch_size

    def batches(key: jax.Array, step: jax.Array) -> Callable[[jax.Array], Batch]:
        of_epoch = order(key, step // epoch_steps, len(labels))

        def batch_of(step: jax.Array) -> Batch:
            index = jax.lax.dynamic_slice_in_dim(of_epoch, step % epoch_steps * batch_size, batch_size)
            return shard((images[index], labels[index]))

        return batch_of

    return batches


def stacked(images: jax.Array, labels: jax.Array, shard: Callable[[Batch], Batch]) -> Callable:
    """As `resident`, of the batches of a few steps, the first of which is the one that `batches` is called with.

    images, labels: uint8 (steps, B, H, W, C) and (steps, B), as data/stream.py reads them.
    """

    def batches(_: jax.Array, first: jax.Array) -> Callable[[jax.Array], Batch]:
        return lambda step: shard((images[step - first], labels[step - first]))

    return batches
