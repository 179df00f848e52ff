"""Simard's perceptron: 800 hidden units, cross-entropy, elastic deformations.

Source: Simard, Steinkraus, Platt 2003, "Best practices for convolutional neural networks applied to visual document
analysis", table 1: 0.7 % with elastic deformations and cross-entropy, 1.6 % without.
Command: python -m bigdeep.main --config=configs/simard_mlp.py
Cost: about seven minutes on two cores. Expected: see the table of nets in RESULTS.md.
"""

from ml_collections import ConfigDict

VARIANTS = ("full",)


def get_config(variant: str = "full") -> ConfigDict:
    smoke = variant == "smoke"
    config = ConfigDict()
    config.seed = 0
    config.epochs = 3 if smoke else 150
    config.batch_size = 240

    config.data = dict(
        name="mnist", source="embedded" if smoke else "auto", dir="", size=29, validation="train", workers=0
    )
    config.augment = [
        dict(name="affine", rotation=(15.0,) * 10, shear_share=0.5, scale=0.15, translation=0.0),
        dict(name="elastic", sigma=6.0, alpha=36.0),
    ]
    config.strength = ((0.0, 1.0),)
    config.mixup = 0.0
    config.model = dict(
        name="mlp",
        widths=(800,),
        activation="relu",
        init="lecun_normal",
        norm="layer",
        precision="float32",
        input_dropout_rate=0.0,
        dropout_rate=0.0,
    )

    config.loss = dict(name="cross_entropy", label_smoothing=0.1)
    config.optimizer = dict(name="adamw", b1=0.9, b2=0.99, eps=1e-8, weight_decay=0.01, parameters="all")
    config.regularisers = []
    config.schedule = dict(name="cosine", rate=2e-3, end=0.0)

    config.warmup_epochs = 0.5
    config.log_steps = 50
    config.evaluate_epochs = 5
    config.checkpoint_seconds = 60.0
    config.fixed_order_shards = 0
    config.model_shards = 1
    config.tensorboard = False  # event files for TensorBoard beside metrics.jsonl; needs the extra "tensorboard"
    config.profile = False  # trace a few steps at the start, and say where their time goes
    return config
