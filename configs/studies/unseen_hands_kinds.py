"""Do other units, nets or optimizers make fewer errors on hands that the net has never seen?

Command: python -m bigdeep.study --study=unseen_hands_kinds
Cost: 24 runs of about a minute on two cores, Muon's of four. Needs QMNIST's labels beside MNIST.

As unseen_hands: mlp2 for 60 epochs of the images of a third of the writers, judged on those of the other two thirds.
All nets have about 1.35 million weights. Maxout (Goodfellow et al. 2013) takes the larger of two linear units, gated
(Shazeer 2020, GEGLU) is a unit times the GELU of another; squared ReLU is of So et al. 2021. Bottleneck: 250 linear
units between 1000 and 1000. Residual: 650 units and a block of two such layers around which they pass (He et al. 2015),
with products of float32. Rates of optimizers are their best of the study "optimizers". Settled before the runs: what
counts as better is tried in 300 epochs; what does not is left.
"""

LION = dict(name="lion", b1=0.9, b2=0.99, weight_decay=0.01, parameters="all")
MUON = dict(name="muon", momentum=0.95, weight_decay=0.01)


def dense(width: int, activation: str = "linear", norm: str = "batch") -> dict:
    return dict(name="dense", width=width, activation=activation, norm=norm, precision="bfloat16")


def stack(*layers: dict) -> dict:
    return {
        "model": dict(name="stack", init="he_normal", layers=[dict(name="flatten"), *layers, dense(10, norm="none")])
    }


def get_study(smoke: bool) -> dict:
    maxout, gated = dict(name="maxout", pieces=2), dict(name="gated", activation="gelu")
    residual = dict(name="deep", kind="residual", unit="dense", depth=4, widths=(650,), activation="gelu", norm="batch")
    nets = {
        "squared ReLU": {"model.activation": "squared_relu"},
        "maxout": stack(dense(1180), maxout, dense(590), maxout),
        "gated": stack(dense(1180), gated, dense(590), gated),
        "bottleneck": stack(dense(1000, "gelu"), dense(250, norm="none"), dense(1000, "gelu")),
        "residual": {"model": residual | dict(init="he_normal")},
    }
    optimizers = {
        "Lion": {"optimizer": LION, "schedule.rate": 3.2e-3},
        "Muon": {"optimizer": MUON, "schedule.rate": 6.4e-2},
    }
    return dict(
        question="Do other units, nets or optimizers make fewer errors on hands never seen?",
        base="mlp2:smoke" if smoke else "mlp2",
        overrides={} if smoke else {"epochs": 60, "evaluate_epochs": 20, "data.validation": "writers:0.667:0"},
        variations={"mlp2's recipe": {}} | nets | ({} if smoke else optimizers),
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="mlp2's recipe",
        figure=dict(scale="linear"),
    )
