"""The two nets of a class-conditional generative adversarial net. They are no classifiers, so no config names them."""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp


class Generator(nn.Module):
    """(z (B, latent), labels (B,)) -> pixels (B, pixels) in [0, 1].

    Layer norm, not batch norm, so that a sample depends on its own z and label only.
    """

    widths: Sequence[int]
    classes: int
    pixels: int

    @nn.compact
    def __call__(self, z: jax.Array, labels: jax.Array) -> jax.Array:
        x = jnp.concatenate([z, jax.nn.one_hot(labels, self.classes)], axis=1)
        for i, width in enumerate(self.widths):
            x = nn.leaky_relu(nn.LayerNorm(name=f"norm{i + 1}")(nn.Dense(width, name=f"layer{i + 1}")(x)), 0.2)
        return nn.sigmoid(nn.Dense(self.pixels, name="output")(x))


class Discriminator(nn.Module):
    """(pixels (B, P) in [0, 1], labels (B,), key) -> (real or not, of this class (B,); class logits; features (B, F)).

    Gaussian noise on the inputs and hidden layers, as in Salimans et al. 2016 (arXiv 1606.03498), table of section 6.1.
    The label enters by projection (Miyato & Koyama 2018, arXiv 1802.05637): w^T h + e_label^T h.
    """

    widths: Sequence[int]
    classes: int
    input_noise: float = 0.3
    hidden_noise: float = 0.5

    @nn.compact
    def __call__(self, pixels: jax.Array, labels: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        keys = jax.random.split(key, len(self.widths) + 1)
        x = pixels + self.input_noise * jax.random.normal(keys[0], pixels.shape)
        for i, width in enumerate(self.widths):
            features = nn.leaky_relu(nn.Dense(width, name=f"layer{i + 1}")(x), 0.2)
            x = features + self.hidden_noise * jax.random.normal(keys[i + 1], features.shape)
        projected = jnp.sum(nn.Embed(self.classes, self.widths[-1], name="of_class")(labels) * x, axis=1)
        return nn.Dense(1, name="real")(x)[:, 0] + projected, nn.Dense(self.classes, name="class")(x), features
