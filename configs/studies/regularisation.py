"""Does endless data need no regularisation?

Source: Cireşan et al. 2010, who have none.
Command: python -m bigdeep.study --study=regularisation
Cost: 48 runs of about 50 seconds on one core.

The recipe of mlp2 without its own weight decay, mixup and smoothed labels, 5 epochs of 50,000 images, undeformed and
deformed; each kind at one strength that is usual for it.
"""

KINDS = {
    "none": {},
    "weights decay": {"optimizer.weight_decay": 0.05, "optimizer.parameters": "weights"},
    "last layer decays": {"optimizer.weight_decay": 0.05, "optimizer.parameters": "last_layer"},
    "l1": {"regularisers": [dict(name="l1", weight=1e-5, parameters="weights")]},
    "dropout": {"model.dropout_rate": 0.2},
    "max-norm": {"regularisers": [dict(name="max_norm", limit=2.0)]},
    "mixup": {"mixup": 0.2},
    "smoothed labels": {"loss.label_smoothing": 0.1},
}


def get_study(smoke: bool) -> dict:
    kinds = dict(list(KINDS.items())[:3]) if smoke else KINDS
    plain = {"optimizer.weight_decay": 0.0, "mixup": 0.0, "loss.label_smoothing": 0.0}
    return dict(
        question="Does endless data need no regularisation?",
        base="mlp2:smoke" if smoke else "mlp2",
        overrides=plain | ({} if smoke else {"epochs": 5, "evaluate_epochs": 1, "data.validation": "last:10000"}),
        variations={f"undeformed, {name}": {"augment": [], **change} for name, change in kinds.items()}
        | {f"deformed, {name}": change for name, change in kinds.items()},
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="deformed, none",
        figure=dict(scale="log"),
    )
