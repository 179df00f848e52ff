"""Which deformation is best, and for how few digits?

Source: the question of the first public attempt (2016), which compared two of them at 60,000 digits, where most tie.
Command: python -m bigdeep.study --study=augmentation
Cost: 63 runs of about 15 seconds on one core.

The net and recipe of configs/augmentations.py, 600 steps of 100 images, whatever the number of digits; the validation
set is all that training does not see. Deformations that were fitted to MNIST, CPAB's and the generated digits, were
fitted to all of its training images: with few digits they know more than the others.
"""

KINDS = ("none", "infimnist", "keras", "elastic", "paper", "cpab", "generative")


def get_study(smoke: bool) -> dict:
    def of(count: int, kind: str) -> dict:
        if smoke:
            return {"base": "augmentations:smoke"}
        epochs = 600 // (count // 100)
        own = {"base": f"augmentations:{kind}", "data.validation": f"last:{60000 - count}"}
        return own | {"epochs": epochs, "evaluate_epochs": epochs}

    counts = (100,) if smoke else (100, 1000, 10000)
    return dict(
        question="Which deformation is best, and for how few digits?",
        base="augmentations:smoke" if smoke else "augmentations:none",
        overrides={} if smoke else {"batch_size": 100, "log_steps": 100, "warmup_epochs": 0.0},
        variations={f"{count:,} digits, {kind}": of(count, kind) for count in counts for kind in KINDS},
        seeds=2 if smoke else 3,
        measure="test_errors_final",
        baseline="1,000 digits, paper" if not smoke else "100 digits, paper",
        figure=dict(scale="log"),
    )
