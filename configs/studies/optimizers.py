"""Which optimizer?

Command: python -m bigdeep.study --study=optimizers
Cost: 60 runs of about 30 seconds on one core.

The recipe of mlp2, two epochs of 50,000 images, each optimizer at two rates around what is usual for it; compare each
at its best. Those that decay weights do so by 0.01. A third rate was added after a look at the two, where the higher
one was the better.
"""

ADAM = dict(b1=0.9, b2=0.99, eps=1e-8, weight_decay=0.01, parameters="all")
KINDS = {
    "adamw": (dict(name="adamw", **ADAM), (2e-3, 8e-3, 3.2e-2)),
    "momentum": (dict(name="momentum", momentum=0.9), (0.1, 0.3, 0.9)),
    "nesterov": (dict(name="nesterov", momentum=0.9), (0.1, 0.3, 0.9)),
    "rmsprop": (dict(name="rmsprop", decay=0.99, eps=1e-8), (1e-3, 4e-3, 1.6e-2)),
    "lion": (dict(name="lion", b1=0.9, b2=0.99, weight_decay=0.01, parameters="all"), (2e-4, 8e-4, 3.2e-3)),
    "lamb": (dict(name="lamb", **ADAM), (2e-2, 8e-2)),
    "muon": (dict(name="muon", momentum=0.95, weight_decay=0.01), (4e-3, 1.6e-2, 6.4e-2)),
}


def get_study(smoke: bool) -> dict:
    return dict(
        question="Which optimizer?",
        base="mlp2:smoke" if smoke else "mlp2",
        overrides={} if smoke else {"epochs": 2, "evaluate_epochs": 1, "data.validation": "last:10000"},
        variations={
            f"{name}, rate {rate:g}": {"optimizer": optimizer, "schedule.rate": rate}
            for name, (optimizer, rates) in KINDS.items()
            for rate in (rates[1:2] if smoke else rates)
        },
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="adamw, rate 0.008",
        figure=dict(scale="log"),
    )
