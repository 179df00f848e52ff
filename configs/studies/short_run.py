"""What helps a run of 90 seconds on hands that the net has never seen?

Command: python -m bigdeep.study --study=short_run
Cost: 15 runs of 45 seconds on two cores that multiply bfloat16. Needs QMNIST's labels beside MNIST.

speedrun_90s.py, 55 epochs, on half of the writers, judged on the others: as it was, without what the long recipe has;
with its sharpening; with its deformations eased to a half over the last 40 % of the run; with both; as the average of
its weights over the last twelfth, the rate ending at a quarter. Settled before the runs: the variation with the
fewest errors becomes the recipe if it counts as better.
"""

from bigdeep import configfile

EASED = ((0.0, 1.0), (0.6, 1.0), (1.0, 0.5))


def get_study(smoke: bool) -> dict:
    base = "speedrun_90s:smoke" if smoke else "speedrun_90s"
    recipe = configfile.load(base).to_dict()
    sharpened = {"augment": [*recipe["augment"], dict(name="sharpen", amount=1 / 12)]}
    averaged = {"schedule.end": recipe["schedule"]["rate"] / 4, "regularisers": [dict(name="average", share=1 / 12)]}
    return dict(
        question="What helps a run of 90 seconds, on hands that the net has never seen?",
        base=base,
        overrides={} if smoke else {"epochs": 55, "evaluate_epochs": 11, "data.validation": "writers:0.5:0"},
        variations={
            "as it was": {},
            "sharpened": sharpened,
            "eased": {"strength": EASED},
            "sharpened and eased": sharpened | {"strength": EASED},
            "averaged": averaged,
        },
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="as it was",
        figure=dict(scale="linear"),
    )
