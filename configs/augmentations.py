"""Which deformation is best? The paper's net with two hidden layers, 1000-500-10, 30 epochs with each.

Source: Cireşan et al. 2010 (arXiv 1003.0358), table 1, for the net; each deformation's own source stands in
bigdeep/augment. The question is that of the first public attempt at a reproduction, which compared two of them.
Command: python -m bigdeep.main --config=configs/augmentations.py:VARIANT --config.seed=0
with none, infimnist, keras, affine, elastic, paper, cpab or generative for VARIANT, all on MNIST; cifar is the usual
augmentation of CIFAR-10, on CIFAR-10.
Cost: about 2 minutes each on two cores. Expected: see the table of deformations in RESULTS.md.

The widths of configs/mlp2.py with the paper's scaled tanh and no norm, batches of 480, AdamW at 2e-3, no mixup;
nothing was tuned for any of them.
"""

from ml_collections import ConfigDict

AFFINE = dict(
    name="affine", rotation=(15.0, 7.5, *(15.0,) * 5, 7.5, 15.0, 15.0), shear_share=0.5, scale=0.15, translation=0.0
)
ELASTIC = dict(name="elastic", sigma=6.0, alpha=36.0)
DEFORMATIONS = {
    "none": [],
    "infimnist": [dict(name="infimnist", alpha=1.0, sigma=4.0, tangent_sigma=0.9, thickening=0.0, translation=1)],
    "keras": [
        dict(
            name="keras",
            rotation_range=15.0,
            width_shift_range=0.05,
            height_shift_range=0.05,
            shear_range=15.0,
            zoom_range=0.15,
            fill_mode="nearest",
        )
    ],
    "affine": [AFFINE],
    "elastic": [ELASTIC],
    "paper": [AFFINE, ELASTIC],
    "cpab": [dict(name="cpab", cells=(4, 4), bank=512)],
    "generative": [dict(name="generative", fraction=0.5)],
    "cifar": [
        dict(name="crop", padding=4),
        dict(name="flip", probability=0.5),
        dict(name="cutout", length=16, value=127.5),
    ],
}


VARIANTS = tuple(DEFORMATIONS)


def get_config(variant: str = "paper") -> ConfigDict:
    smoke = variant == "smoke"
    config = ConfigDict()
    config.seed = 0
    config.epochs = 2 if smoke else 30
    config.batch_size = 480

    name, size = ("cifar10", 32) if variant == "cifar" else ("mnist", 29)
    config.data = dict(
        name=name, source="embedded" if smoke else "auto", dir="", size=size, validation="train", workers=0
    )
    config.augment = DEFORMATIONS["paper" if smoke else variant]
    config.strength = ((0.0, 1.0),)
    config.mixup = 0.0
    config.model = dict(
        name="mlp",
        widths=(100, 50) if smoke else (1000, 500),
        activation="scaled_tanh",
        init="lecun_normal",
        norm="none",
        precision="float32",
        input_dropout_rate=0.0,
        dropout_rate=0.0,
    )

    config.loss = dict(name="cross_entropy", label_smoothing=0.1)
    config.optimizer = dict(name="adamw", b1=0.9, b2=0.99, eps=1e-8, weight_decay=0.01, parameters="all")
    config.regularisers = []
    config.schedule = dict(name="cosine", rate=2e-3, end=0.0)

    config.warmup_epochs = 0.5
    config.log_steps = 25
    config.evaluate_epochs = 2
    config.checkpoint_seconds = 60.0
    config.fixed_order_shards = 0
    config.model_shards = 1
    config.tensorboard = False  # event files for TensorBoard beside metrics.jsonl; needs the extra "tensorboard"
    config.profile = False  # trace a few steps at the start, and say where their time goes
    return config
