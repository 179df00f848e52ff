"""Does the decay of the learning rate need tuning?

Source: the question of the 2017 framework; Cireşan et al. 2010 let the rate fall from 1e-3 to 1e-6.
Command: python -m bigdeep.study --study=rate_decay
Cost: 30 runs of about 18 seconds on two cores.

A study is a dict of: question; base, a config; overrides, {key: value} for all runs, as --config.KEY=VALUE takes them;
variations, {name: overrides of its own}; seeds, how many; measure, what of a run counts (validation_errors,
validation_errors_final, validation_errors_rise from the lowest to the last, test_errors_at_best_validation,
test_errors_final); baseline, the variation that others are compared with, paired over seeds: differences beyond two
standard errors of their mean count; figure, {"scale": "linear" or "log"}, {"against": any of ("epoch", "images",
"seconds")} for curves below it, {"signal": names of variations} for curves of
their gradients by layer, and the range of all in the table.
"""


def get_study(smoke: bool) -> dict:
    rate = 8e-3

    steps = dict(name="steps", decay=0.2, at=(0.5, 0.75, 0.9))

    def constant(share: float) -> dict:
        return dict(schedule=dict(name="constant", rate=rate * share))

    return dict(
        question="Does the decay of the learning rate need tuning?",
        base="mlp2:smoke" if smoke else "mlp2",
        overrides=dict() if smoke else {"epochs": 3, "evaluate_epochs": 1, "data.validation": "last:10000"},
        variations={
            "cosine to 0": dict(schedule=dict(name="cosine", rate=rate, end=0.0)),
            "cosine to 0, twice the rate": dict(schedule=dict(name="cosine", rate=2 * rate, end=0.0)),
            "cosine to 0, half the rate": dict(schedule=dict(name="cosine", rate=rate / 2, end=0.0)),
            "linear to 0": dict(schedule=dict(name="linear", rate=rate, end=0.0)),
            "geometric, 1/2 an epoch": dict(schedule=dict(name="geometric", rate=rate, end=1e-6, decay=0.5)),
            "geometric, 1/10 an epoch": dict(schedule=dict(name="geometric", rate=rate, end=1e-6, decay=0.1)),
            "steps of 1/5 at 50, 75, 90 %": dict(schedule={**steps, "rate": rate}),
            "one cycle": dict(schedule=dict(name="one_cycle", rate=2 * rate, start=rate / 10, end=0.0, peak=0.3)),
            "constant": constant(1),
            "constant, 1/10 of the rate": constant(0.1),
        },
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="cosine to 0",
        figure=dict(scale="log"),
    )
