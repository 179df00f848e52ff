"""Why do very deep nets work, or not?

Source: the question of the 2017 framework; Srivastava et al. 2015 (arXiv 1505.00387), section 3.1, for 50 units.
Command: python -m bigdeep.study --study=depth
Cost: 48 runs of about 20 seconds on two cores, and some seconds each for the gradients of the initial weights.

Plain, highway and residual nets of 50 units in a layer, of 4 to 64 layers; plain ones also with initial weights or
norms that keep the signal, or lose it. The curves show the norm of each layer's gradient in the deepest ones.
"""


def get_study(smoke: bool) -> dict:
    depths = (4,) if smoke else (4, 16, 64)
    variations = {
        f"{kind}, {depth} layers": {"model.kind": kind, "model.depth": depth}
        for kind in ("plain", "highway", "residual")
        for depth in depths
    }
    deepest = {"model.kind": "plain", "model.depth": depths[-1]}
    kept = {
        "Xavier's weights": {"model.init": "xavier_uniform"},
        "orthogonal weights": {"model.init": "orthogonal"},
        "orthogonal weights, tanh": {"model.init": "orthogonal", "model.activation": "tanh"},
        "sigmoid": {"model.activation": "sigmoid", "model.init": "xavier_uniform"},
        "batch norm": {"model.norm": "batch"},
        "layer norm": {"model.norm": "layer"},
    }
    variations |= {f"plain, {depths[-1]} layers, {name}": deepest | change for name, change in kept.items()}
    signal = [name for name in variations if f" {depths[-1]} layers" in name]
    variations["fractal, 16 layers"] = {"base": "fractalnet:smoke" if smoke else "fractalnet"}
    return dict(
        question="Why do very deep nets work, or not?",
        base="deep:smoke" if smoke else "deep:plain",
        overrides={} if smoke else {"epochs": 3, "evaluate_epochs": 1, "data.validation": "last:10000"},
        variations=variations,
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline=f"plain, {4 if smoke else 16} layers",
        figure=dict(scale="log", signal=signal),
    )
