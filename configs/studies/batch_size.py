"""What did online updates buy the paper?

Source: Cireşan et al. 2010, section 2: one image an update.
Command: python -m bigdeep.study --study=batch_size
Cost: 72 runs of about 10 seconds on one core, those of single images longer.

A small net of the paper's kind, 300-100, deformed digits, one epoch of 50,000 with a cosine; each batch size at
three rates around what suits it, by plain gradient descent and by AdamW. Compare each at its best.
"""

RATES = {
    "sgd": {1: (1e-3, 3e-3, 1e-2), 10: (1e-2, 3e-2, 1e-1), 100: (3e-2, 1e-1, 3e-1), 1000: (1e-1, 3e-1, 1.0)},
    "adamw": {1: (1e-4, 3e-4, 1e-3), 10: (3e-4, 1e-3, 3e-3), 100: (1e-3, 3e-3, 1e-2), 1000: (3e-3, 1e-2, 3e-2)},
}


def get_study(smoke: bool) -> dict:
    optimizers = {
        "sgd": dict(name="sgd"),
        "adamw": dict(name="adamw", b1=0.9, b2=0.99, eps=1e-8, weight_decay=0.0, parameters="all"),
    }
    whole = {"epochs": 1, "evaluate_epochs": 1, "data.validation": "last:10000"}
    return dict(
        question="What did online updates buy the paper?",
        base="mlp5_paper:smoke" if smoke else "mlp5_paper",
        overrides={"model.widths": (300, 100), "model.init": "lecun_normal", **({} if smoke else whole)},
        variations={
            f"{name}, batches of {size}, rate {rate:g}": {
                "optimizer": optimizers[name],
                "batch_size": size,
                "log_steps": max(1, 10000 // size),
                "schedule": dict(name="cosine", rate=rate, end=0.0),
            }
            for name, sizes in RATES.items()
            for size, rates in sizes.items()
            for rate in rates
            if not smoke or (size >= 100 and rate == rates[0])
        },
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="sgd, batches of 100, rate 0.03" if smoke else "sgd, batches of 1, rate 0.003",
        figure=dict(scale="log"),
    )
