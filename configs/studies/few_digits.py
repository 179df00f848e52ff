"""How much do deformations help where there are few digits?

Command: python -m bigdeep.study --study=few_digits
Cost: 9 runs of about 15 seconds on two cores. Needs a folder of pictures, train/CLASS and test/CLASS, in
runs/few_digits; for the record, the digits of 8 x 8 pixels that scikit-learn carries, as PNG files: the first 20 of
each class to train, the other 1,597 to test.
"""

RULE = "a mean difference from the baseline, paired over seeds, counts beyond two standard errors; settled beforehand"


def get_study(smoke: bool) -> dict:
    affine = dict(name="affine", rotation=5.0, shear_share=0.5, scale=0.1, translation=1.0)
    elastic = dict(name="elastic", sigma=5.5, alpha=24.0)
    strong = [{**affine, "rotation": 15.0, "scale": 0.25}, {**elastic, "alpha": 48.0}]
    data = {"data.name": "folder", "data.dir": "runs/few_digits", "data.size": 28}
    return dict(
        question="How much do deformations help where there are few digits?",
        base="mlp2:smoke" if smoke else "mlp2",
        overrides={"augment": []} if smoke else {**data, "epochs": 400, "evaluate_epochs": 40, "batch_size": 100},
        variations={
            "none": dict(augment=[]),
            "mild affine": dict(augment=[affine]),
            "the paper's, as for digits": dict(augment=strong),
        },
        seeds=2 if smoke else 3,
        measure="test_errors_at_best_validation",
        baseline="none",
        rule=RULE,
        figure=dict(scale="linear"),
    )
