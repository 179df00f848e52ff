"""Simard's simple convolutional net: 5 and 50 maps of 5x5 kernels at stride 2, 100 hidden units, elastic images.

Source: Simard, Steinkraus, Platt 2003, "Best practices for convolutional neural networks applied to visual document
analysis", table 1: 0.4 % with elastic deformations and cross-entropy.
Command: python -m bigdeep.main --config=configs/simard_conv.py, or …py:source
Cost: 25 to 55 minutes on one core; source: eight minutes on two. Expected: see the table of nets in RESULTS.md.

Different: batch norm and GELU, and the images of mlp5.py, which together made a sixth fewer errors on unseen hands
(docs/studies.md, "Simard's recipe"). The variant "source" is nearer to it: the source's strength of deformation and
nothing else done to the images, ReLU and no norm.
"""

from ml_collections import ConfigDict

from bigdeep.configfile import sibling

VARIANTS = ("full", "source")


def get_config(variant: str = "full") -> ConfigDict:
    smoke, source = variant == "smoke", variant == "source"
    config = sibling(__file__, "mlp5").get_config("smoke" if smoke else "full")
    config.epochs = 3 if smoke else 150
    config.batch_size = 120
    if source:
        config.augment = [
            dict(name="affine", rotation=(15.0,) * 10, shear_share=0.5, scale=0.15, translation=1.0),
            dict(name="elastic", sigma=6.0, alpha=36.0),
        ]
        config.strength = ((0.0, 1.0), (0.7, 1.0), (1.0, 0.5))
        config.mixup = 0.0

    units = dict(activation="relu") if source else dict(activation="gelu", norm="batch")
    config.model = dict(
        name="stack",
        init="he_normal",
        layers=[
            dict(name="convolution", features=5, kernel=5, stride=2, **units),
            dict(name="convolution", features=50, kernel=5, stride=2, **units),
            dict(name="flatten"),
            dict(name="dense", width=100, **units),
            dict(name="dense", width=10, activation="linear"),
        ],
    )

    config.optimizer.parameters = "weights"
    config.schedule.rate = 2e-3 if source else 4e-3
    config.log_steps = 100
    config.evaluate_epochs = 5
    return config
