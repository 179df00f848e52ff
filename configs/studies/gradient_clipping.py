"""Is gradient clipping needed? Where does training begin to diverge without it?

Source: the question of the 2017 framework, which clipped by value times the rate.
Command: python -m bigdeep.study --study=gradient_clipping
Cost: 54 runs of about 20 seconds on two cores.

The paper's smallest net as the paper has it, scaled tanh and no norm, by stochastic gradient descent with momentum, at
six rates, each about three times as large as the one before. The two lowest, and the baseline among them, were added
when the first four had been run and had all collapsed without clipping.
"""

CLIPPING = {
    "no clipping": [],
    "norm 1": [dict(name="clip_norm", limit=1.0)],
    "value 0.01": [dict(name="clip_value", limit=0.01)],
}


def get_study(smoke: bool) -> dict:
    def plain(rate: float, clipping: list) -> dict:
        return dict(
            optimizer=dict(name="momentum", momentum=0.9),
            schedule=dict(name="cosine", rate=rate, end=0.0),
            regularisers=clipping,
        )

    rates = (0.1, 0.3) if smoke else (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    net = {"model.norm": "none", "model.activation": "scaled_tanh", "model.init": "lecun_normal"}
    length = dict() if smoke else {"epochs": 3, "evaluate_epochs": 1, "data.validation": "last:10000"}
    return dict(
        question="Is gradient clipping needed?",
        base="mlp2:smoke" if smoke else "mlp2",
        overrides={**net, **length},
        variations={f"rate {rate:g}, {name}": plain(rate, each) for rate in rates for name, each in CLIPPING.items()},
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="rate 0.1, no clipping" if smoke else "rate 0.03, no clipping",
        figure=dict(scale="log"),
    )
