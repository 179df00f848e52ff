"""With endless data, does the error ever rise again? With few digits, when?

Source: the question of the 2017 framework; Cireşan et al. 2010 have no early stopping.
Command: python -m bigdeep.study --study=early_stopping
Cost: 18 runs of about a minute and a half on two cores.

Half the paper's smallest net, 500-250, on 50,000 images for 20 epochs, or on 5,000 for 200: at a constant rate, and
with one that falls. The figure that counts is how much the validation error has risen from its lowest to the end; the
gap between training and validation error stands in each run's curve.
"""


def get_study(smoke: bool) -> dict:
    rates = {"constant rate": dict(name="constant", rate=1e-3), "rate falls": dict(name="cosine", rate=2e-3, end=0.0)}
    digits = {"50,000 digits": "last:10000", "5,000 digits": "last:55000"}
    deformed = {"no deformations": "augmentations:none", "the paper's deformations": "augmentations:paper"}

    def of(base: str, schedule: dict, validation: str) -> dict:
        own = {"base": "augmentations:smoke"} if smoke else {"base": base, "data.validation": validation}
        steps = {"epochs": 200, "evaluate_epochs": 10} if validation == "last:55000" and not smoke else {}
        return own | steps | {"schedule": schedule}

    return dict(
        question="With endless data, does the error ever rise again?",
        base="augmentations:smoke" if smoke else "augmentations:none",
        overrides={"loss.label_smoothing": 0.0}
        | ({} if smoke else {"epochs": 20, "evaluate_epochs": 1, "model.widths": (500, 250)}),
        variations={
            f"{data}, {how}, {rate}": of(base, schedule, validation)
            for data, validation in digits.items()
            for how, base in deformed.items()
            for rate, schedule in rates.items()
            if not (rate == "rate falls" and validation == "last:55000")
        },
        seeds=2 if smoke else 3,
        measure="validation_errors_rise",
        baseline="50,000 digits, the paper's deformations, constant rate",
        figure=dict(scale="linear", against=("images",)),
    )
