"""Does a perceptron that is shown directions of strokes read hands that it has never seen better than one of pixels?

Command: python -m bigdeep.study --study=unseen_hands_directions
Cost: 6 runs of two minutes and 6 of half a minute on two cores that multiply bfloat16. Needs QMNIST's labels beside
MNIST.

mlp2.py:averaged, 300 epochs of the images of a third of the writers, judged on those of the other two thirds, as in
unseen_hands_long; and the same hidden layers on what configs/directions.py makes of each image, eight directions in
9 x 9 windows. Settled before the runs, after single ones of 60 epochs (docs/lab-notebook.md, round 14): what counts as
better has its nets trained on all writers, a row each, three seeds, whatever they make. The runs of 75 epochs, without
the average, as speedrun_directions has them, were added when that had made fewer test errors than 300.
"""

import pathlib

from bigdeep.configfile import sibling


def get_study(smoke: bool) -> dict:
    of_directions = sibling(str(pathlib.Path(__file__).parent), "directions").get_config("smoke" if smoke else "mlp2")
    short = {"epochs": 75, "evaluate_epochs": 25, "regularisers": [], "schedule.end": 0.0}
    kinds = {"pixels": {}, "directions": {"model": of_directions.model.to_dict()}}
    return dict(
        question="Does a perceptron of directions of strokes do better than one of pixels, on hands never seen?",
        base="mlp2:smoke" if smoke else "mlp2:averaged",
        overrides={} if smoke else {"evaluate_epochs": 100, "data.validation": "writers:0.667:0"},
        variations=kinds if smoke else kinds | {f"{name}, 75 epochs": kind | short for name, kind in kinds.items()},
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="pixels",
        figure=dict(scale="linear"),
    )
