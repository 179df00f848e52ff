"""How much of the second source's trouble was the loss, and how much the rate?

Source: the 2017 framework, whose first net reached 85 to 90 %, by squared error on 0 and 1 at a rate of 0.001.
Command: python -m bigdeep.study --study=loss_and_output
Cost: 45 runs of about 15 seconds on one core.

Its first net, 1024-100-10 with sigmoids, image by image, two epochs of 50,000; the baseline is what it did. Below it
the paper's smallest net in the recipe of mlp2, 3 epochs.
"""

LOSSES = {
    "0 and 1": dict(name="squared_error", low=0.0, high=1.0),
    "±1": dict(name="squared_error", low=-1.0, high=1.0),
    "±0.8": dict(name="squared_error", low=-0.8, high=0.8),
    "cross-entropy": dict(name="cross_entropy", label_smoothing=0.0),
}


def get_study(smoke: bool) -> dict:
    rates = (1e-3,) if smoke else (1e-3, 1e-2, 1e-1)
    variations = {
        f"100 sigmoids, {name}, rate {rate:g}": {"loss": loss, "schedule.rate": rate}
        for rate in rates
        for name, loss in LOSSES.items()
    }
    if not smoke:
        recipe = {"base": "mlp2", "epochs": 3}
        variations |= {
            f"mlp2, {name}": recipe | {"loss": loss} for name, loss in LOSSES.items() if name in ("±1", "cross-entropy")
        }
        variations["mlp2, cross-entropy, smoothed"] = recipe
    return dict(
        question="How much of the second source's trouble was the loss, and how much the rate?",
        base="two_layer:smoke" if smoke else "two_layer",
        overrides={} if smoke else {"epochs": 2, "evaluate_epochs": 1, "data.validation": "last:10000"},
        variations=variations,
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="100 sigmoids, 0 and 1, rate 0.001",
        figure=dict(scale="log"),
    )
