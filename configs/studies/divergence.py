"""Why did the source's deep net collapse, and what prevents it?

Source: the first public attempt (2016): 2500-1500-1000-500 rectified units by RMSProp at a constant rate of 0.001, on
InfiMNIST, right for 98.9 % of the test digits at best, 97.1 % at epoch 150, 58.6 % at epoch 470.
Command: python -m bigdeep.study --study=divergence
Cost: 27 runs of about a minute on two cores.

A fifth of its widths, and ten times its rate to see in 10 epochs what took it hundreds; then one thing changed at a
time.
"""


def get_study(smoke: bool) -> dict:
    rate, rmsprop = 1e-2, dict(name="rmsprop", decay=0.9, eps=1e-10)
    changes = {
        "as the source, ten times the rate": {},
        "three times that rate": {"schedule.rate": 3 * rate},
        "the source's rate": {"schedule.rate": rate / 10},
        "the rate falls": {"schedule": dict(name="cosine", rate=rate, end=0.0)},
        "eps 1e-4": {"optimizer.eps": 1e-4},
        "decay 0.99": {"optimizer.decay": 0.99},
        "gradient clipped to norm 1": {"regularisers": [dict(name="clip_norm", limit=1.0)]},
        "batch norm": {"model.norm": "batch"},
        "Adam": {"optimizer": dict(name="adam", b1=0.9, b2=0.999, eps=1e-8)},
    }
    net = {"model.widths": (100, 50) if smoke else (500, 300, 200, 100), "model.activation": "relu"}
    recipe = {"model.init": "he_normal", "loss.label_smoothing": 0.0, "warmup_epochs": 0.0}
    recipe |= {"optimizer": rmsprop, "schedule": dict(name="constant", rate=rate)}
    length = {"epochs": 10, "evaluate_epochs": 1, "batch_size": 125, "log_steps": 100, "data.validation": "last:10000"}
    return dict(
        question="Why did the source's deep net collapse, and what prevents it?",
        base="augmentations:smoke" if smoke else "augmentations:infimnist",
        overrides=net | recipe | ({} if smoke else length),
        variations=changes,
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="as the source, ten times the rate",
        figure=dict(scale="log", against=("epoch",)),
    )
