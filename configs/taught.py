"""An MLP taught by convolutional nets: endless deformed, mixed digits are endless questions to a teacher.

Source: Urban et al. 2017 (arXiv 1603.05691), on how far nets without convolutions can follow one with; Beyer et al.
2022 ("Knowledge distillation: a good teacher is patient and consistent", arXiv 2106.05237), on mixed images, the same
for both, and long schedules. Not a plain net: its weights know what convolution knows.
Command: three of Simard's nets, python -m bigdeep.main --config=configs/simard_conv.py --config.seed=SEED
--workdir=runs/simard_conv-SEED for SEED = 0, 1 and 2; then python -m bigdeep.main --config=configs/taught.py:mlp3
or, for a net of 3x3 kernels that can teach as well (0.11 M weights), python -m bigdeep.main --config=configs/taught.py
Cost: estimated from images/s on two cores that multiply bfloat16, mlp3 20 minutes, its teachers six each, the net of
3x3 kernels four. Expected: see the table of nets in RESULTS.md for the latter; mlp3 has no full run yet.

The mean of the three's probabilities makes a sixth fewer errors on unseen hands than one of them, and they learn five
times as fast as 3x3 kernels (docs/studies.md, "Unseen hands, long training"). They are trained as they are; the net of
3x3 kernels without label smoothing, which would take from its outputs how alike two classes are (Müller et al. 2019,
arXiv 1906.02629). All see the inputs of mlp5.py.
"""

from ml_collections import ConfigDict

from bigdeep.configfile import sibling

VARIANTS = ("teacher", "mlp3")
TEACHERS = ",".join(f"runs/simard_conv-{seed}" for seed in range(3))


def get_config(variant: str = "teacher") -> ConfigDict:
    if variant == "mlp3":
        config = sibling(__file__, "mlp3").get_config("full")
        config.loss = dict(name="distillation", workdir=TEACHERS, temperature=2.0, hard=0.0)
        config.epochs = 150
        return config

    smoke = variant == "smoke"
    config = sibling(__file__, "mlp5").get_config("smoke" if smoke else "full")
    maps = (4, 8, 8, 16) if smoke else (24, 48, 48, 96)
    config.model = dict(
        name="stack",
        init="he_normal",
        layers=[
            convolution(maps[0], kernel=6, padding="valid"),  # to 24 x 24
            dict(name="max_pool", size=2),
            convolution(maps[1]),
            convolution(maps[2]),
            dict(name="max_pool", size=2),
            convolution(maps[3]),
            dict(name="flatten"),
            dict(name="dense", width=10, activation="linear"),
        ],
    )
    config.loss.label_smoothing = 0.0
    config.batch_size = 120 if smoke else 250
    config.schedule.rate = 4e-3
    config.epochs = 2 if smoke else 14
    config.evaluate_epochs = 1 if smoke else 7
    return config


def convolution(maps: int, kernel: int = 3, padding: str = "same") -> dict:
    return dict(name="convolution", features=maps, kernel=kernel, padding=padding, activation="relu", norm="batch")
