"""Which deformations suit clothes?

Command: python -m bigdeep.study --study=fashion
Cost: 9 runs of about 90 seconds on two cores. Needs Fashion-MNIST (Debian's dataset-fashion-mnist, or by TFDS).
"""


def get_study(smoke: bool) -> dict:
    affine = dict(name="affine", rotation=5.0, shear_share=0.5, scale=0.1, translation=1.0)
    elastic = dict(name="elastic", sigma=5.5, alpha=24.0)
    strong = [{**affine, "rotation": 15.0, "scale": 0.25}, {**elastic, "alpha": 48.0}]
    data = {"data.name": "fashion_mnist", "data.size": 28, "data.validation": "last:10000"}
    return dict(
        question="Which deformations suit clothes?",
        base="mlp2:smoke" if smoke else "mlp2",
        overrides={"augment": []} if smoke else {**data, "epochs": 10, "evaluate_epochs": 1},
        variations={
            "none": dict(augment=[]),
            "mild affine": dict(augment=[affine]),
            "the paper's, as for digits": dict(augment=strong),
        },
        seeds=2 if smoke else 3,
        measure="test_errors_at_best_validation",
        baseline="none",
        figure=dict(scale="linear"),
    )
