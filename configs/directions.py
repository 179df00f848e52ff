"""The paper's perceptrons on directions of strokes instead of pixels: what a fixed first step is worth.

Source: Liu, Nakashima, Sako & Fujisawa 2003 ("Handwritten digit recognition: benchmarking of state-of-the-art
techniques", Pattern Recognition 36), whose best classifiers see such features; Cireşan et al. 2010 for the nets.
Command: python -m bigdeep.main --config=configs/directions.py, or …py:mlp2, or …py:convolutional
Cost: ten minutes on two cores that multiply bfloat16, mlp2 six, convolutional eleven. Expected: see the table of nets
in RESULTS.md.

The gradient of each deformed image is shared among eight directions and averaged over windows (models/directions.py):
9 x 9 x 8 = 648 numbers instead of 841 pixels, from which a multilayer perceptron is trained as in mlp3.py:averaged. Not
the paper's net: it is told to look for strokes, as a convolutional net is, though nothing convolutional is learned.

convolutional learns that, too: three layers of 3 x 3 kernels and one hidden layer on finer windows, 14 x 14 x 8, for 75
epochs. Not one of the perceptrons: it teaches taught.py:strokes and :directions.
"""

from ml_collections import ConfigDict

from bigdeep.configfile import sibling

VARIANTS = ("mlp3", "mlp2", "convolutional")


def get_config(variant: str = "mlp3") -> ConfigDict:
    smoke, convolutional = variant == "smoke", variant == "convolutional"
    config = sibling(__file__, "mlp2" if variant == "mlp2" else "mlp3").get_config("smoke" if smoke else "full")
    net = config.model
    dense = dict(name="dense", activation=net.activation, norm=net.norm, precision=net.precision)
    directions = dict(name="directions", directions=8, size=5, stride=3, precision=net.precision)
    hidden = [{**dense, "width": width} for width in net.widths]
    if convolutional:
        directions.update(size=3, stride=2)
        kernels = dict(name="convolution", kernel=3, padding="valid", activation="relu", norm="batch")
        pool = dict(name="max_pool", size=2)
        hidden = [{**kernels, "features": 32}, {**kernels, "features": 48}, pool, {**kernels, "features": 64}]
        hidden += [dict(name="flatten"), {**dense, "width": 500}]
        config.update(batch_size=250, epochs=75, evaluate_epochs=15)
    else:
        hidden.insert(0, dict(name="flatten"))
    output = {**dense, "width": 10, "activation": "linear", "norm": "none"}
    config.model = dict(name="stack", init=net.init, layers=[directions, *hidden, output])
    if not smoke and not convolutional:
        config.regularisers = [dict(name="average", share=1 / 12)]
        config.schedule.end = config.schedule.rate / 4
    return config
