"""An MLP taught by other nets: endless deformed, mixed digits are endless questions to a teacher.

Source: Urban et al. 2017 (arXiv 1603.05691), on how far nets without convolutions can follow one with; Beyer et al.
2022 ("Knowledge distillation: a good teacher is patient and consistent", arXiv 2106.05237), on mixed images, the same
for both, and long schedules. Not a plain net: its weights know what convolution knows.
Command: six teachers first, for SEED = 0, 1 and 2: python -m bigdeep.main --config=configs/mlp2.py:averaged
--config.seed=SEED --workdir=runs/mlp2-SEED, and the same of configs/simard_conv.py in runs/simard_conv-SEED; then
python -m bigdeep.main --config=configs/taught.py:mlp3
or, with four teachers, for SEED = 0 and 1: --config=configs/directions.py:convolutional --config.seed=SEED
--workdir=runs/convolutional-SEED, and configs/speedrun_directions.py in runs/directions-SEED; then …/taught.py:strokes,
or, for a pupil that is shown directions as well, …/taught.py:directions;
or, for a net of 3x3 kernels (0.11 M weights) on its own, python -m bigdeep.main --config=configs/taught.py
Cost: on two cores that multiply bfloat16 half an hour, each mlp2 about ten minutes, each convolutional net of
directions, too; on one core each simard_conv 40 to 55, the net of 3x3 kernels 22.
Expected: see the table of nets in RESULTS.md.

All pupils learn the mean of their teachers' probabilities. mlp3 is mlp3.py:averaged, taught by the six: on unseen hands
three of mlp2 so averaged make 198 errors together where one makes 213, with three of Simard's nets 183, and a pupil
makes about as many as its teachers do (docs/studies.md, "Unseen hands, long training"). Of two nets of directions, one
of them convolutional, it is 157 (docs/lab-notebook.md, round 15): strokes is mlp3.py:averaged taught by two of either,
directions the mlp3 of directions.py, taught by the same for half its epochs.

The net of 3x3 kernels is trained without label smoothing, which would take from its outputs how alike two classes are
(Müller et al. 2019, arXiv 1906.02629). All see the inputs of mlp5.py.
"""

from ml_collections import ConfigDict

from bigdeep.configfile import sibling

VARIANTS = ("teacher", "mlp3", "strokes", "directions")


def get_config(variant: str = "teacher") -> ConfigDict:
    if variant == "mlp3":
        return pupil(sibling(__file__, "mlp3").get_config("averaged"), ("mlp2", "simard_conv"), 3)
    if variant == "strokes":
        return pupil(sibling(__file__, "mlp3").get_config("averaged"), ("convolutional", "directions"), 2)
    if variant == "directions":
        config = pupil(sibling(__file__, "directions").get_config(), ("convolutional", "directions"), 2)
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


def pupil(config: ConfigDict, kinds: tuple[str, str], seeds: int) -> ConfigDict:
    """`config`, taught by runs/KIND-SEED."""
    teachers = ",".join(f"runs/{kind}-{seed}" for kind in kinds for seed in range(seeds))
    config.loss = dict(name="distillation", workdir=teachers, temperature=2.0, hard=0.0)
    return config


def convolution(maps: int, kernel: int = 3, padding: str = "same") -> dict:
    return dict(name="convolution", features=maps, kernel=kernel, padding=padding, activation="relu", norm="batch")
