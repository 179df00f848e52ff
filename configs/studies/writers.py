"""How much of each recipe's error is the hand?

Command: python -m bigdeep.study --study=writers
Cost: 30 runs of about 90 seconds on one core. Needs QMNIST's labels beside MNIST, which say who wrote what.

Four recipes, each validated on a third of the writers, whom it has never seen, and on as many images drawn at random,
whose writers it knows. The differences within a validation say whether both would choose the same recipe. The other two
thirds of the writers, for the first recipe, say how much a third of them differs from another by itself.
"""


def get_study(smoke: bool) -> dict:
    recipes = {
        "mlp2's recipe": {},
        "weaker deformations": {"augment[0].scale": 0.15, "augment[1].alpha": 36.0},
        "dropout of 0.2": {"model.dropout_rate": 0.2},
        "no mixup": {"mixup": 0.0},
    }
    validations = {"seen hands": "random:20000", "unseen hands": "writers:0.333:0"}
    pairs = [(whose, name, validation) for whose, validation in validations.items() for name in recipes]
    pairs += [(f"unseen hands, third {fold + 1}", "mlp2's recipe", f"writers:0.333:{fold}") for fold in (1, 2)]
    return dict(
        question="How much of each recipe's error is the hand?",
        base="mlp2:smoke" if smoke else "mlp2",
        overrides={} if smoke else {"epochs": 10, "evaluate_epochs": 2},
        variations={
            f"{whose}, {name}": recipes[name] | ({} if smoke else {"data.validation": validation})
            for whose, name, validation in pairs
        },
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="seen hands, mlp2's recipe",
        figure=dict(scale="linear"),
    )
