"""Is there a convolution gap, and do deformations close it?

Source: the question of the first public attempt (2016); Cireşan et al. 2010, whose plain nets pass convolutional ones.
Command: python -m bigdeep.study --study=convolution_gap
Cost: 18 runs of about 40 seconds on two cores.

Each net in the recipe of its own config, for as many images; the curves show error against images seen, the table the
time that each takes.
"""


def get_study(smoke: bool) -> dict:
    none = {"augment": []}
    nets = {"MLP 1000-500": "mlp2", "LeNet-5": "lenet5:distorted", "Simard's convolutional": "simard_conv:source"}

    def of(base: str) -> dict:
        return {"base": base.split(":", maxsplit=1)[0] + ":smoke" if smoke else base}

    variations = {f"{name}, deformed": of(base) for name, base in nets.items()}
    variations |= {f"{name}, undeformed": of(base) | none for name, base in nets.items()}
    return dict(
        question="Is there a convolution gap, and do deformations close it?",
        base="mlp2:smoke" if smoke else "mlp2",
        overrides={} if smoke else {"epochs": 4, "evaluate_epochs": 1, "data.validation": "last:10000"},
        variations=variations,
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="MLP 1000-500, deformed",
        figure=dict(scale="log", against=("images", "seconds")),
    )
