"""An MLP taught by a small convolutional net: endless deformed, mixed digits are endless questions to a teacher.

Source: Urban et al. 2017 (arXiv 1603.05691), on how far nets without convolutions can follow one with; Beyer et al.
2022 ("Knowledge distillation: a good teacher is patient and consistent", arXiv 2106.05237), on mixed images, the same
for both, and long schedules. Not a plain net: its weights know what convolution knows.
Command: python -m bigdeep.main --config=configs/taught.py for the teacher (0.11 M weights),
then …py:mlp2 or …py:mlp3, which read it from runs/taught.
Cost: 22 minutes on one core for the teacher. Expected: see the table of nets in RESULTS.md; mlp2 and mlp3 have no full
run yet, only docs/studies.md, "Unseen hands".

Teacher and pupils see the inputs of mlp5.py. The teacher is trained without label smoothing, which would take from its
outputs how alike two classes are (Müller et al. 2019, arXiv 1906.02629).
"""

from ml_collections import ConfigDict

from bigdeep.configfile import sibling

VARIANTS = ("teacher", "mlp2", "mlp3")


def get_config(variant: str = "teacher") -> ConfigDict:
    if variant in ("mlp2", "mlp3"):
        config = sibling(__file__, variant).get_config("full")
        config.loss = dict(name="distillation", workdir="runs/taught", temperature=2.0, hard=0.0)
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
