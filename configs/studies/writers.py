"""How much of each recipe's error is the hand?

Command: python -m bigdeep.study --study=writers
Cost: 24 runs of about 30 seconds on two cores. Needs QMNIST's labels beside MNIST, which say who wrote what.

Four recipes, each validated on a third of the writers, whom it has never seen, and on the last 20,000 images, whose
writers it knows. The differences within a validation say whether both would choose the same recipe.
"""


def get_study(smoke: bool) -> dict:
    recipes = {
        "mlp2's recipe": {},
        "weaker deformations": {"augment[0].scale": 0.15, "augment[1].alpha": 36.0},
        "dropout of 0.2": {"model.dropout_rate": 0.2},
        "no mixup": {"mixup": 0.0},
    }
    validations = {"seen hands": "last:20000", "unseen hands": "writers:0.333:0"}
    variations = {
        f"{whose}, {name}": recipe | ({} if smoke else {"data.validation": validation})
        for whose, validation in validations.items()
        for name, recipe in recipes.items()
    }
    return dict(
        question="How much of each recipe's error is the hand?",
        base="mlp2:smoke" if smoke else "mlp2",
        overrides={} if smoke else {"epochs": 6, "evaluate_epochs": 2},
        variations=variations,
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="seen hands, mlp2's recipe",
        figure=dict(scale="linear"),
    )
