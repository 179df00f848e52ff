"""The second source's LeNet-5: convolutions of 6, 16 and 120 maps, tanh, max-pooling, online gradient descent.

Source: a home-made framework of 2017. Its head of 86 and 10 units with squared errors got to 20-40 % right while its
flatten layer passed back the output instead of the error; the head of 10 with a softmax loss, after the bug was found,
got to 98 % on MNIST and 42-45 % on CIFAR-10, in 2 epochs.
Command: python -m bigdeep.main --config=configs/lenet5_maxpool.py
or …py:squared_error for the head of 86 and 10 units; …py:fast for a rate that falls from 5e-3.
Cost: about two minutes on two cores. Expected: see the table of nets in RESULTS.md.
"""

from ml_collections import ConfigDict

VARIANTS = ("softmax", "squared_error", "fast")


def get_config(variant: str = "softmax") -> ConfigDict:
    smoke, squared, fast = variant == "smoke", variant == "squared_error", variant == "fast"
    config = ConfigDict()
    config.seed = 0
    config.epochs = 2
    config.batch_size = 1

    config.data = dict(
        name="mnist", source="embedded" if smoke else "auto", dir="", size=32, validation="train", workers=0
    )
    config.augment = []
    config.strength = ((0.0, 1.0),)
    config.mixup = 0.0
    head = [dict(name="dense", width=10, activation="linear")]
    if squared:
        head = [dict(name="dense", width=86, activation="tanh"), *head]
    config.model = dict(
        name="stack",
        init="xavier_uniform",
        layers=[
            dict(name="convolution", features=6, kernel=5, activation="tanh"),
            dict(name="max_pool", size=2),
            dict(name="convolution", features=16, kernel=5, activation="tanh"),
            dict(name="max_pool", size=2),
            dict(name="convolution", features=120, kernel=5, activation="tanh"),
            dict(name="flatten"),
            *head,
        ],
    )

    config.loss = dict(name="cross_entropy", label_smoothing=0.0)
    if squared:
        config.loss = dict(name="squared_error", low=0.0, high=1.0)
    config.optimizer = dict(name="sgd")
    config.regularisers = []
    config.schedule = dict(name="constant", rate=5e-4 if squared else 1e-3)

    if fast:
        config.schedule = dict(name="linear", rate=5e-3, end=1e-4)

    config.warmup_epochs = 0.0
    config.log_steps = 2000
    config.evaluate_epochs = 1
    config.checkpoint_seconds = 60.0
    config.fixed_order_shards = 0
    config.model_shards = 1
    config.tensorboard = False  # event files for TensorBoard beside metrics.jsonl; needs the extra "tensorboard"
    config.profile = False  # trace a few steps at the start, and say where their time goes
    return config
