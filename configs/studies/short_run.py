"""What helps a run of 90 seconds on hands that the net has never seen?

Command: python -m bigdeep.study --study=short_run
Cost: 12 runs of 45 seconds on two cores that multiply bfloat16. Needs QMNIST's labels beside MNIST.

speedrun_90s.py on half of the writers, judged on the others: as it was first, without what the long recipe has; with
its sharpening; with its deformations eased to a half over the last 40 % of the run; with both. Settled before the
runs: the variation with the fewest errors becomes the recipe if it counts as better.
"""

EASED = ((0.0, 1.0), (0.6, 1.0), (1.0, 0.5))


def get_study(smoke: bool) -> dict:
    affine = dict(name="affine", rotation=(15.0, 7.5, *(15.0,) * 5, 7.5, 15.0, 15.0), shear_share=0.5, scale=0.2)
    first = [affine | dict(translation=0.0), dict(name="elastic", sigma=6.0, alpha=40.0)]
    sharpened = {"augment": [*first, dict(name="sharpen", amount=1 / 12)]}
    return dict(
        question="What helps a run of 90 seconds, on hands that the net has never seen?",
        base="speedrun_90s:smoke" if smoke else "speedrun_90s",
        overrides={"strength": ((0.0, 1.0),)} | ({} if smoke else {"data.validation": "writers:0.5:0"}),
        variations={
            "as it was": {"augment": first},
            "sharpened": sharpened,
            "eased": {"augment": first, "strength": EASED},
            "sharpened and eased": sharpened | {"strength": EASED},
        },
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="as it was",
        figure=dict(scale="linear"),
    )
