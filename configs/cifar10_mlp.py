"""A multilayer perceptron on CIFAR-10: 2000-1000-500 units on crops and mirror images.

Source: the second source's question what a plain net does on CIFAR-10; Lin, Memisevic, Konda 2015 (arXiv 1511.02580)
reached about 70 % right with a fully connected net, 78 % with deformations.
Command: python -m bigdeep.main --config=configs/cifar10_mlp.py
Cost: ten minutes on two cores with AVX-512, half an hour on others. Expected: see the table of nets in RESULTS.md.
"""

from ml_collections import ConfigDict

VARIANTS = ("full",)


def get_config(variant: str = "full") -> ConfigDict:
    smoke = variant == "smoke"
    config = ConfigDict()
    config.seed = 0
    config.epochs = 3 if smoke else 40
    config.batch_size = 240

    name = "mnist" if smoke else "cifar10"  # the miniature trains on the embedded digits
    config.data = dict(
        name=name, source="embedded" if smoke else "auto", dir="", size=32, validation="train", workers=0
    )
    config.augment = [] if smoke else [dict(name="crop", padding=4), dict(name="flip", probability=0.5)]
    config.strength = ((0.0, 1.0),)
    config.mixup = 0.0
    config.model = dict(
        name="mlp",
        widths=(200, 100) if smoke else (2000, 1000, 500),
        activation="relu",
        init="he_normal",
        norm="layer",
        precision="float32",
        input_dropout_rate=0.0,
        dropout_rate=0.0,
    )

    config.loss = dict(name="cross_entropy", label_smoothing=0.1)
    config.optimizer = dict(name="adamw", b1=0.9, b2=0.99, eps=1e-8, weight_decay=0.1, parameters="weights")
    config.regularisers = []
    config.schedule = dict(name="cosine", rate=1e-3, end=0.0)

    config.warmup_epochs = 1.0
    config.log_steps = 50
    config.evaluate_epochs = 1 if smoke else 5
    config.checkpoint_seconds = 60.0
    config.fixed_order_shards = 0
    config.model_shards = 1
    config.tensorboard = False  # event files for TensorBoard beside metrics.jsonl; needs the extra "tensorboard"
    config.profile = False  # trace a few steps at the start, and say where their time goes
    return config
