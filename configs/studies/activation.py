"""Is the activation central?

Source: the question of the 2017 framework; Cireşan et al. 2010 have a scaled tanh.
Command: python -m bigdeep.study --study=activation
Cost: 54 runs of about 35 seconds on one core.

The paper's smallest net in the recipe of mlp2 (batch norm before each activation), each kind at three rates; compare
each at its best. Maxout takes the larger of two units each, 590 and 295 of them, for as many weights.
"""

ACTIVATIONS = ("gelu", "relu", "maxout", "scaled_tanh", "tanh", "sigmoid")


def maxout(*widths: int) -> dict:
    """An mlp of pairs of linear units."""
    layers: list[dict] = [dict(name="flatten")]
    for width in widths:
        layers += [
            dict(name="dense", width=2 * width, activation="linear", norm="batch", precision="bfloat16"),
            dict(name="maxout", pieces=2),
        ]
    layers.append(dict(name="dense", width=10, activation="linear"))
    return dict(name="stack", init="he_normal", layers=layers)


def get_study(smoke: bool) -> dict:
    def at(rate: float, activation: str) -> dict:
        own = {"model": maxout(590, 295)} if activation == "maxout" else {"model.activation": activation}
        return own | {"schedule.rate": rate}

    rates = (8e-3,) if smoke else (2e-3, 8e-3, 3.2e-2)
    activations = ACTIVATIONS[:3] if smoke else ACTIVATIONS
    return dict(
        question="Is the activation central?",
        base="mlp2:smoke" if smoke else "mlp2",
        overrides=dict() if smoke else {"epochs": 3, "evaluate_epochs": 1, "data.validation": "last:10000"},
        variations={f"{name}, rate {rate:g}": at(rate, name) for name in activations for rate in rates},
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="gelu, rate 0.008",
        figure=dict(scale="log"),
    )
