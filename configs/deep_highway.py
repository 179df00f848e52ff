"""The deep plain net with gates that carry what a layer sees past it: a highway net. …py:cifar10 is convolutional.

Source: Srivastava, Greff, Schmidhuber 2015 (arXiv 1505.00387), sections 2 and 3.1. See deep_plain.py.
Command: python -m bigdeep.main --config=configs/deep_highway.py --config.model.depth=20
Cost: minutes on two cores, cifar10 more; not measured. Expected: not measured yet.
"""

from ml_collections import ConfigDict

KIND = "highway"
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
