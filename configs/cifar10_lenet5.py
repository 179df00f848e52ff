"""LeNet-5 on CIFAR-10: convolutions of 6, 16 and 120 maps, max-pooling, 84 units.

Source: the second source's LeNet-5 (see lenet5_maxpool.py), which reached 42-45 % right on CIFAR-10.
Command: python -m bigdeep.main --config=configs/cifar10_lenet5.py
or …py:source for the source's own way: tanh, no augmentation, online gradient descent.
Cost: about a quarter of an hour on two cores, one minute for source. Expected: see the table of nets in RESULTS.md.
"""

from ml_collections import ConfigDict

VARIANTS = ("full", "source")


def get_config(variant: str = "full") -> ConfigDict:
    smoke, source = variant == "smoke", variant == "source"
    config = ConfigDict()
    config.seed = 0
    config.epochs = 2 if source else 3 if smoke else 60
    config.batch_size = 1 if source else 100

    name = "mnist" if smoke else "cifar10"  # the miniature trains on the embedded digits
    config.data = dict(
        name=name, source="embedded" if smoke else "auto", dir="", size=32, validation="train", workers=0
    )
    config.augment = []
    if not (smoke or source):
        config.augment = [dict(name="crop", padding=2), dict(name="flip", probability=0.5)]
    config.strength = ((0.0, 1.0),)
    config.mixup = 0.0
    activation = "tanh" if source else "relu"
    head = [dict(name="dense", width=10, activation="linear")]
    config.model = dict(
        name="stack",
        init="xavier_uniform" if source else "he_normal",
        layers=[
            dict(name="convolution", features=6, kernel=5, activation=activation),
            dict(name="max_pool", size=2),
            dict(name="convolution", features=16, kernel=5, activation=activation),
            dict(name="max_pool", size=2),
            dict(name="convolution", features=120, kernel=5, activation=activation),
            dict(name="flatten"),
            *(head if source else [dict(name="dense", width=84, activation=activation), *head]),
        ],
    )

    config.loss = dict(name="cross_entropy", label_smoothing=0.0)
    if source:
        config.optimizer = dict(name="sgd")
        config.schedule = dict(name="constant", rate=1e-3)
    else:
        config.optimizer = dict(name="adamw", b1=0.9, b2=0.99, eps=1e-8, weight_decay=0.01, parameters="weights")
        config.schedule = dict(name="cosine", rate=3e-3, end=0.0)
    config.regularisers = []

    config.warmup_epochs = 0.0 if source else 0.5
    config.log_steps = 1000 if source else 100
    config.evaluate_epochs = 1 if source or smoke else 5
    config.checkpoint_seconds = 60.0
    config.fixed_order_shards = 0
    config.model_shards = 1
    config.tensorboard = False  # event files for TensorBoard beside metrics.jsonl; needs the extra "tensorboard"
    config.profile = False  # trace a few steps at the start, and say where their time goes
    return config
