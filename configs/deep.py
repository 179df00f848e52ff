"""How deep can a net be? Plain, highway and residual nets, fully connected on MNIST, convolutional on CIFAR-10.

Command: python -m bigdeep.main --config=configs/deep.py:plain --config.model.depth=20
or …py:VARIANT: plain, highway (gates carry what a layer sees past it), residual (what goes into every second layer is
added to what comes out), all 50 units wide on MNIST; plain_cifar10, residual_cifar10 of 3x3 kernels (highways of these
by --config.model.kind=highway, in twice the time).
Source: Srivastava, Greff, Schmidhuber 2015 (arXiv 1505.00387), section 3.1, whose plain nets of 50 units get worse
from 10 layers to 100. He, Zhang, Ren, Sun 2015 (arXiv 1512.03385), section 4.2, residual: 8.75 % on CIFAR-10 with 20
layers, 6.43 % with 110.
Cost: one to three minutes on two cores; on CIFAR-10 18. Expected: see the table of nets in RESULTS.md.

Different from He et al.: ten epochs on CIFAR-10 instead of some 180; stages begin with a plain layer that changes the
width, instead of a shortcut padded with zeros. fractalnet.py is the family's fourth member.
"""

from ml_collections import ConfigDict

VARIANTS = ("plain", "highway", "residual", "plain_cifar10", "residual_cifar10")


def get_config(variant: str = "plain") -> ConfigDict:
    smoke, cifar10 = variant == "smoke", variant.endswith("_cifar10")
    config = ConfigDict()
    config.seed = 0
    config.epochs = 3 if smoke else 10 if cifar10 else 20
    config.batch_size = 100

    name, source, size = "cifar10" if cifar10 else "mnist", "embedded" if smoke else "auto", 32 if cifar10 else 28
    config.data = dict(name=name, source=source, dir="", size=size, validation="train", workers=0)
    config.augment = [dict(name="crop", padding=4), dict(name="flip", probability=0.5)] if cifar10 else []
    config.strength = ((0.0, 1.0),)
    config.mixup = 0.0
    config.model = dict(
        name="deep",
        kind="plain" if smoke else variant.removesuffix("_cifar10"),
        unit="convolution" if cifar10 else "dense",
        depth=22 if cifar10 else 4 if smoke else 20,
        widths=(16, 32, 64) if cifar10 else (50,),
        activation="relu",
        norm="batch" if cifar10 else "none",
        init="he_normal",
    )

    config.loss = dict(name="cross_entropy", label_smoothing=0.0)
    config.optimizer = dict(name="momentum", momentum=0.9)
    config.regularisers = [dict(name="l2", weight=1e-4, parameters="weights")]
    config.schedule = dict(name="cosine", rate=0.05 if cifar10 else 0.01, end=0.0)
    config.warmup_epochs = 1.0

    config.log_steps = 100
    config.evaluate_epochs = 2 if cifar10 else 1
    config.checkpoint_seconds = 60.0
    config.fixed_order_shards = 0
    config.model_shards = 1
    config.tensorboard = False  # event files for TensorBoard beside metrics.jsonl; needs the extra "tensorboard"
    config.profile = False  # trace a few steps at the start, and say where their time goes
    return config
