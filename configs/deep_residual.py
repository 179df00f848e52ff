"""The deep plain net with what went into every second layer added to what comes out: a residual net; …py:cifar10.

Source: He, Zhang, Ren, Sun 2015 (arXiv 1512.03385), section 4.2: 8.75 % on CIFAR-10 with 20 layers, 6.43 % with 110.
Different: stages begin with a plain layer that changes the width, instead of a shortcut padded with zeros.
Command: python -m bigdeep.main --config=configs/deep_residual.py --config.model.depth=20
Cost: minutes on two cores, cifar10 more; not measured. Expected: not measured yet.
"""

from ml_collections import ConfigDict

KIND = "residual"
VARIANTS = ("cifar10",)


def get_config(variant: str = "full") -> ConfigDict:
    smoke, cifar10 = {"full": (False, False), "cifar10": (False, True), "smoke": (True, False)}[variant]
    config = ConfigDict()
    config.seed = 0
    config.epochs = 3 if smoke else 20
    config.batch_size = 100

    name = "cifar10" if cifar10 else "mnist"
    config.data = dict(
        name=name, source="embedded" if smoke else "auto", dir="", size=32 if cifar10 else 28, validation=0
    )
    config.augment = [dict(name="crop", padding=4), dict(name="flip", probability=0.5)] if cifar10 else []
    config.strength = ((0.0, 1.0),)
    config.model = dict(
        name="deep",
        kind=KIND,
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
    config.schedule = dict(name="cosine", rate=0.05 if cifar10 else 0.01, warmup=1.0, end=0.0)

    config.log_every = 100
    config.evaluate_every = 1
    config.checkpoint_seconds = 60.0
    return config
