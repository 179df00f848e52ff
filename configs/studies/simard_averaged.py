"""Do averaged weights help Simard's convolutional net?

Command: python -m bigdeep.study --study=simard_averaged
Cost: 6 runs of two to three minutes on two cores. Needs QMNIST's labels beside MNIST.

simard_conv.py on a third of the writers, judged on the images of the other two thirds: as it is, 150 epochs; and as
the average of its weights over the last twelfth of the run, the rate ending at a quarter. Settled before the runs: it
becomes the recipe of simard_conv.py if it counts as better, whatever the test set says afterwards. A third variation,
averaged and for 300 epochs, was dropped when its first seed had gained nothing.
"""

from bigdeep import configfile


def get_study(smoke: bool) -> dict:
    base = "simard_conv:smoke" if smoke else "simard_conv"
    rate = configfile.load(base).schedule.rate
    averaged = {"schedule.end": rate / 4, "regularisers": [dict(name="average", share=1 / 12)]}
    return dict(
        question="Do averaged weights help Simard's net on hands that it has never seen?",
        base=base,
        overrides={} if smoke else {"data.validation": "writers:0.667:0"},
        variations={"150 epochs": {}, "150 epochs, averaged": averaged},
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="150 epochs",
        figure=dict(scale="linear"),
    )
