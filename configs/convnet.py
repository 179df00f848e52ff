"""The second source's convnet: 5 maps of 5x5, tanh, 100 sigmoid units, sum of squared errors, online gradient descent.

Source: a home-made framework of 2017, which reached 51 % right with it in 14 hours.
Command: python -m bigdeep.main --config=configs/convnet.py
or …py:fast: batches of 20, sigmoid outputs, a rate that falls from 0.8, shifts by a pixel.
Cost: two to three minutes on two cores. Expected: see the table of nets in RESULTS.md.
"""

from ml_collections import ConfigDict

VARIANTS = ("source", "fast")


def get_config(variant: str = "source") -> ConfigDict:
    smoke, fast = variant == "smoke", variant == "fast"
    config = ConfigDict()
    config.seed = 0
    config.epochs = 1 if smoke else 25 if fast else 10
    config.batch_size = 20 if fast else 1

    config.data = dict(
        name="mnist", source="embedded" if smoke else "auto", dir="", size=32, validation="train", workers=0
    )
    config.augment = [dict(name="crop", padding=1)] if fast else []
    config.strength = ((0.0, 1.0),)
    config.mixup = 0.0
    config.model = dict(
        name="stack",
        init="xavier_uniform",
        layers=[
            dict(name="convolution", features=5, kernel=5, activation="tanh"),
            dict(name="flatten"),
            dict(name="dense", width=100, activation="sigmoid"),
            dict(name="dense", width=10, activation="sigmoid" if fast else "linear"),
        ],
    )

    config.loss = dict(name="squared_error", low=0.0, high=1.0)
    config.optimizer = dict(name="sgd")
    config.regularisers = []
    config.schedule = dict(name="constant", rate=5e-4)
    if fast:
        config.schedule = dict(name="linear", rate=0.8, end=0.01)

    config.warmup_epochs = 0.0
    config.log_steps = 1000 if fast or smoke else 10000
    config.evaluate_epochs = 1
    config.checkpoint_seconds = 60.0
    config.fixed_order_shards = 0
    config.model_shards = 1
    config.tensorboard = False  # event files for TensorBoard beside metrics.jsonl; needs the extra "tensorboard"
    config.profile = False  # trace a few steps at the start, and say where their time goes
    return config
