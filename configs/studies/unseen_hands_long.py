"""Do averages, a teacher and a residual net still help in runs of full length, on hands that the net has never seen?

Command: python -m bigdeep.study --study=unseen_hands_long
Cost: 15 runs of three to seven minutes on two cores. Needs QMNIST's labels beside MNIST, and the teachers' runs, for
SEED = 0, 1 and 2: python -m bigdeep.main --config=configs/simard_conv.py --config.data.validation=writers:0.667:0
--config.seed=SEED --workdir=runs/simard-third-SEED

The studies unseen_hands and unseen_hands_kinds found them to count in 60 epochs; here mlp2 has the 300 of its recipe,
on the same third of the writers. The average runs over the same share of the steps. The teachers are Simard's nets,
which learn five times as fast as those of 3x3 kernels; three of them, by the mean of their probabilities. The residual
net has three hidden layers of 650 units, the last two a block that is added to what goes in; beside it those three
layers without the sum. Settled before the runs: what counts as better becomes a recipe, averaged weights that of
mlp2.py to mlp9.py, these teachers that of taught.py, the residual net one of its own if it is better than the net
without its sum, too.
"""

TEACHERS = ",".join(f"runs/simard-third-{seed}" for seed in range(3))


def get_study(smoke: bool) -> dict:
    taught = dict(name="distillation", workdir=TEACHERS, temperature=2.0, hard=0.0)
    three = dict(name="deep", unit="dense", depth=4, widths=(650,), activation="gelu", norm="batch", init="he_normal")
    return dict(
        question="Do averages, a teacher and a residual net help in long training, on hands never seen?",
        base="mlp2:smoke" if smoke else "mlp2",
        overrides={} if smoke else {"evaluate_epochs": 100, "data.validation": "writers:0.667:0"},
        variations={
            "mlp2's recipe": {},
            "averaged weights": {"schedule.end": 2e-3, "regularisers": [dict(name="average", share=1 / 12)]},
            "residual": {"model": three | dict(kind="residual")},
            "three layers of 650": {"model": three | dict(kind="plain")},
        }
        | ({} if smoke else {"taught by three convolutional nets": {"loss": taught}}),
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="mlp2's recipe",
        figure=dict(scale="linear"),
    )
