"""The paper's perceptrons on directions of strokes instead of pixels: what a fixed first step is worth.

Source: Liu, Nakashima, Sako & Fujisawa 2003 ("Handwritten digit recognition: benchmarking of state-of-the-art
techniques", Pattern Recognition 36), whose best classifiers see such features; Cireşan et al. 2010 for the nets.
Command: python -m bigdeep.main --config=configs/directions.py, or …py:mlp2
Cost: ten minutes on two cores that multiply bfloat16, mlp2 six. Expected: see the table of nets in RESULTS.md.

The gradient of each deformed image is shared among eight directions and averaged over windows (models/directions.py):
9 x 9 x 8 = 648 numbers instead of 841 pixels, from which a multilayer perceptron is trained as in mlp3.py:averaged. Not
the paper's net: it is told to look for strokes, as a convolutional net is, though nothing convolutional is learned.
"""

from ml_collections import ConfigDict

from bigdeep.configfile import sibling

VARIANTS = ("mlp3", "mlp2")


def get_config(variant: str = "mlp3") -> ConfigDict:
    smoke = variant == "smoke"
    name = "mlp3" if smoke else variant
    config = sibling(__file__, name).get_config("smoke" if smoke else "full")
    net = config.model
    dense = dict(name="dense", activation=net.activation, norm=net.norm, precision=net.precision)
    config.model = dict(
        name="stack",
        init=net.init,
        layers=[
            dict(name="directions", directions=8, size=5, stride=3, precision=net.precision),
            dict(name="flatten"),
            *({**dense, "width": width} for width in net.widths),
            {**dense, "width": 10, "activation": "linear", "norm": "none"},
        ],
    )
    if not smoke:
        config.regularisers = [dict(name="average", share=1 / 12)]
        config.schedule.end = config.schedule.rate / 4
    return config
