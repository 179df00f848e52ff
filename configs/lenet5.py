"""LeNet-5 in earnest: 60,000 weights, the table of which map sees which, trainable subsampling, codes for the digits.

Source: LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition", section II.B:
0.95 % test error without distortions, 0.8 % with.
Command: python -m bigdeep.main --config=configs/lenet5.py
or …py:VARIANT: softmax (a linear head of 10 with cross-entropy instead of the codes), distorted (softmax on elastic and
affine images), or tiny_dnn (average pooling, tanh, targets +-0.8, Adagrad, as that framework's example: 1.2 % in 13
minutes).
Cost: about five minutes on two cores, ten for distorted. Expected: see the table of nets in RESULTS.md.

Different from the paper: AdamW and a cosine instead of the stochastic diagonal Levenberg-Marquardt method; batches
instead of single images; background -1 and ink 1 instead of -0.1 and 1.175; the codes are drawn anew, after no font.
"""

from ml_collections import ConfigDict

VARIANTS = ("codes", "softmax", "distorted", "tiny_dnn")
# Which of the six maps of S2 each map of C3 sees: table I of the paper.
C3 = (
    *[tuple(sorted((i + k) % 6 for k in range(3))) for i in range(6)],
    *[tuple(sorted((i + k) % 6 for k in range(4))) for i in range(6)],
    *[tuple(sorted((i + k) % 6 for k in (0, 1, 3, 4))) for i in range(3)],
    tuple(range(6)),
)
# A code a digit: 7 x 12 pixels, row by row.
DIGITS = """
..###.. ...#... ..###.. .#####. ....##. ######. ..####. ####### ..###.. ..###..
.#...#. ..##... .#...#. .....#. ...#.#. #...... .#..... ......# .#...#. .#...#.
#.....# .#.#... #.....# ....#.. ..#..#. #...... #...... .....#. #.....# #.....#
#.....# ...#... ......# ...#... .#...#. #...... #...... .....#. #.....# #.....#
#.....# ...#... ......# ..###.. #....#. #.###.. #.###.. ....#.. .#...#. #.....#
#.....# ...#... .....#. .....#. #....#. ##...#. ##...#. ....#.. ..###.. .#...##
#.....# ...#... ....#.. ......# ####### ......# #.....# ..####. .#...#. ..###.#
#.....# ...#... ...#... ......# .....#. ......# #.....# ...#... #.....# ......#
#.....# ...#... ..#.... ......# .....#. ......# #.....# ...#... #.....# ......#
#.....# ...#... .#..... #.....# .....#. #.....# #.....# ..#.... #.....# .....#.
.#...#. ...#... #...... .#...#. .....#. .#...#. .#...#. ..#.... .#...#. ....#..
..###.. .#####. ####### ..###.. .....#. ..###.. ..###.. .#..... ..###.. ###....
"""
CODES = tuple("".join(line.split()[digit] for line in DIGITS.strip().splitlines()) for digit in range(10))


def layers(pool: dict, activation: str, head: list[dict]) -> list[dict]:
    """C1, S2, C3, S4, C5 and the head."""
    return [
        dict(name="convolution", features=6, kernel=5, activation=activation),
        pool,
        dict(name="convolution", features=16, kernel=5, activation=activation, connections=C3),
        pool,
        dict(name="convolution", features=120, kernel=5, activation=activation),
        dict(name="flatten"),
        *head,
    ]


def get_config(variant: str = "codes") -> ConfigDict:
    smoke = variant == "smoke"
    distorted, tiny_dnn = variant == "distorted", variant == "tiny_dnn"
    softmax = distorted or variant == "softmax"
    config = ConfigDict()
    config.seed = 0
    config.epochs = 4 if smoke else 60 if distorted else 30
    config.batch_size = 16 if tiny_dnn else 100

    config.data = dict(
        name="mnist", source="embedded" if smoke else "auto", dir="", size=32, validation="train", workers=0
    )
    config.augment = []
    if distorted:
        config.augment = [
            dict(name="affine", rotation=(10.0,) * 10, shear_share=0.5, scale=0.1, translation=1.0),
            dict(name="elastic", sigma=6.0, alpha=30.0),
        ]
    config.strength = ((0.0, 1.0),)
    config.mixup = 0.0

    if tiny_dnn:
        pool, activation = dict(name="average_pool", size=2), "tanh"
    else:
        pool, activation = dict(name="subsampling", size=2, activation="scaled_tanh"), "scaled_tanh"
    head = [dict(name="dense", width=84, activation=activation), dict(name="rbf", codes=CODES)]
    if softmax or tiny_dnn:
        head[1] = dict(name="dense", width=10, activation="tanh" if tiny_dnn else "linear")
    config.model = dict(name="stack", init="lecun_normal", layers=layers(pool, activation, head))

    config.loss = dict(name="map", penalty=100.0)
    config.optimizer = dict(name="adamw", b1=0.9, b2=0.99, eps=1e-8, weight_decay=0.1, parameters="weights")
    config.schedule = dict(name="cosine", rate=5e-3 if softmax else 1e-3, end=0.0)
    if softmax:
        config.loss = dict(name="cross_entropy", label_smoothing=0.1)
    if tiny_dnn:
        config.loss = dict(name="squared_error", low=-0.8, high=0.8)
        config.optimizer = dict(name="adagrad", initial=0.0, eps=1e-8)
        config.schedule = dict(name="constant", rate=1e-2)
    config.regularisers = []

    config.warmup_epochs = 0.0 if tiny_dnn else 0.5
    config.log_steps = 100
    config.evaluate_epochs = 1
    config.checkpoint_seconds = 60.0
    config.fixed_order_shards = 0
    config.model_shards = 1
    config.tensorboard = False  # event files for TensorBoard beside metrics.jsonl; needs the extra "tensorboard"
    config.profile = False  # trace a few steps at the start, and say where their time goes
    return config
