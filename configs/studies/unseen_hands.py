"""Does any idea from outside the plain of recipes make fewer errors on hands that the net has never seen?

Command: python -m bigdeep.study --study=unseen_hands
Cost: 12 runs of three to four minutes on one core; the taught ones 18. Needs QMNIST's labels beside MNIST, and the
teacher's run: python -m bigdeep.main --config=configs/taught.py --config.data.validation=writers:0.667:0
--config.epochs=40 --config.evaluate_epochs=5 --workdir=runs/taught-third

mlp2 for 60 epochs of the 20,000 images of a third of the writers, judged on those of the other two thirds. Each idea
once, at what is usual for it: averaged weights end at a quarter of the rate, since at none there is nothing to average.
They average over the last twelfth of the steps; five twelfths, at first, were too many (one seed made 334 errors, its
weights as they stood 300).
"""

LASSO = dict(name="beta_lasso", weight=0.01, beta=20.0, parameters="first_layer")


def get_study(smoke: bool) -> dict:
    taught = dict(name="distillation", workdir="runs/taught-third", temperature=2.0, hard=0.0)
    return dict(
        question="Does any idea from outside help on hands that the net has never seen?",
        base="mlp2:smoke" if smoke else "mlp2",
        overrides={} if smoke else {"epochs": 60, "evaluate_epochs": 20, "data.validation": "writers:0.667:0"},
        variations={
            "mlp2's recipe": {},
            "averaged weights": {"schedule.end": 2e-3, "regularisers": [dict(name="average", share=1 / 12)]},
            "lasso of the first layer": {"regularisers": [LASSO]},
        }
        | ({} if smoke else {"taught by a convolutional net": {"loss": taught}}),
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="mlp2's recipe",
        figure=dict(scale="linear"),
    )
