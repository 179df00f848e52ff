"""A training set that lies on the device as a whole, and the batches of each step."""

from collections.abc import Callable

import jax

Batch = tuple[jax.Array, jax.Array]


def resident(images: jax.Array, labels: jax.Array, batch_size: int, shard: Callable[[Batch], Batch]) -> Callable:
    """batches(key, step) -> (batch_of(step) -> (images, labels)), for the steps of the epoch that `step` is in.

    The images of a step are a slice of permutation(fold_in(key, epoch)), which is computed once, not in every step.
    Where batch_size does not divide the set, a different random remainder of it sits out each epoch. So the step number
    is the whole state of the data.

    images, labels: the training set on the device, uint8 (N, H, W, C) and (N,). shard: puts a batch on the devices.
    """
    epoch_steps = len(labels) // batch_size

    def batches(key: jax.Array, step: jax.Array) -> Callable[[jax.Array], Batch]:
        order = jax.random.permutation(jax.random.fold_in(key, step // epoch_steps), len(labels))

        def batch_of(step: jax.Array) -> Batch:
            index = jax.lax.dynamic_slice_in_dim(order, step % epoch_steps * batch_size, batch_size)
            return shard((images[index], labels[index]))

        return batch_of

    return batches
