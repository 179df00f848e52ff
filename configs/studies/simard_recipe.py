"""What does Simard's convolutional net lack: the perceptrons' recipe?

Command: python -m bigdeep.study --study=simard_recipe
Cost: 9 runs of three to ten minutes on one core. Needs QMNIST's labels beside MNIST.

simard_conv:source made 46 test errors where Simard reports 40. Its net for 30 epochs of five sixths of the writers,
judged on the 10,000 or so digits of the others: in its own recipe; on the images of mlp5.py (stronger deformations,
blended, sharpened); on these and with batch norm and GELU. Settled before the runs: the best variation becomes the
recipe of simard_conv.py if it counts as better, whatever the test set says afterwards. It did.
"""

from bigdeep import configfile

OWN, IMAGES, UNITS = "its own recipe", "on the images of mlp5", "on these, with batch norm and GELU"


def get_study(smoke: bool) -> dict:
    perceptron = configfile.load("mlp5:smoke" if smoke else "mlp5").to_dict()
    images = {key: perceptron[key] for key in ("augment", "strength", "mixup")}
    return dict(
        question="Does the perceptrons' recipe help Simard's convolutional net on hands that it has never seen?",
        base="simard_conv:smoke" if smoke else "simard_conv:source",
        overrides={} if smoke else {"epochs": 30, "evaluate_epochs": 10, "data.validation": "writers:0.167:0"},
        variations={OWN: {}, IMAGES: images, UNITS: {"base": "simard_conv:smoke" if smoke else "simard_conv"}},
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline=OWN,
        figure=dict(scale="linear"),
    )
