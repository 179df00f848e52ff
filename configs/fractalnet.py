"""FractalNet: 16 layers of 50 units on MNIST; …py:cifar10 its narrow convolutional sister, …py:paper the paper's.

Source: Larsson, Maire, Shakhnarovich 2017 (arXiv 1605.07648), section 4: 7.33 % on CIFAR-10 with drop-path and dropout,
4.60 % with shifts and mirror images as well; 5 blocks, 3 columns, 20 layers, 400 epochs.
Command: python -m bigdeep.main --config=configs/fractalnet.py:cifar10
and then, for one column alone: python -m bigdeep.evaluate --workdir=runs/fractalnet-cifar10 --config.model.column=1
Cost: four minutes on two cores; cifar10 18. Expected: see the table of nets in RESULTS.md; paper has a record of 40
steps only.

While paths are dropped, batch norm measures other nets than the whole one, which is therefore judged by statistics
measured anew; a column alone has those of training.
"""

from ml_collections import ConfigDict

VARIANTS = ("full", "cifar10", "paper")


def get_config(variant: str = "full") -> ConfigDict:
    smoke, paper, cifar10 = variant == "smoke", variant == "paper", variant in ("cifar10", "paper")
    config = ConfigDict()
    config.seed = 0
    config.epochs = 6 if smoke else 400 if paper else 10 if cifar10 else 20
    config.batch_size = 100

    name = "cifar10" if cifar10 else "mnist"
    config.data = dict(
        name=name,
        source="embedded" if smoke else "auto",
        dir="",
        size=32 if cifar10 else 28,
        validation="train",
        workers=0,
    )
    config.augment = [dict(name="crop", padding=4), dict(name="flip", probability=0.5)] if cifar10 else []
    config.strength = ((0.0, 1.0),)
    config.mixup = 0.0
    widths = (64, 128, 256, 512, 512) if paper else (16, 32, 64, 64, 64) if cifar10 else (50,)
    config.model = dict(
        name="fractalnet",
        unit="convolution" if cifar10 else "dense",
        widths=widths,
        columns=3 if cifar10 or smoke else 5,
        dropout_rates=(0.0, 0.1, 0.2, 0.3, 0.4) if cifar10 else (0.0,),
        drop_path_rate=0.15,
        global_share=0.5,
        column=0,
        activation="relu",
        norm="batch" if cifar10 else "none",
        init="he_normal",
    )

    config.loss = dict(name="cross_entropy", label_smoothing=0.0)
    config.optimizer = dict(name="momentum", momentum=0.9)
    config.regularisers = [dict(name="l2", weight=1e-4, parameters="weights")]
    config.schedule = dict(name="cosine", rate=0.05 if cifar10 else 0.01, end=0.0)
    if paper:
        config.regularisers = []
        config.schedule = dict(name="steps", rate=0.02, decay=0.1, at=(0.5, 0.75, 0.875, 0.9375))

    config.warmup_epochs = 0.0 if paper else 1.0
    config.log_steps = 100
    config.evaluate_epochs = 2 if cifar10 else 1
    config.checkpoint_seconds = 60.0
    config.fixed_order_shards = 0
    config.model_shards = 1
    config.tensorboard = False  # event files for TensorBoard beside metrics.jsonl; needs the extra "tensorboard"
    config.profile = False  # trace a few steps at the start, and say where their time goes
    return config
