"""Does the source's collapse come at its own rate, if one waits as long as it did?

Source: the first public attempt (2016), as in divergence.py: 98.9 % at best, 97.1 at epoch 150, 58.6 at epoch 470.
Command: python -m bigdeep.study --study=collapse
Cost: two runs of 40 to 55 minutes each on one core.

The source's rate and 470 epochs; still a fifth of its widths. One seed, as its own.
"""

from bigdeep.configfile import sibling


def get_study(smoke: bool) -> dict:
    study = sibling(__file__, "divergence").get_study(smoke)
    rate = 1e-3
    study["question"] = "Does the collapse come at the source's own rate, after as many epochs?"
    study["overrides"] |= {"schedule.rate": rate}
    study["overrides"] |= {} if smoke else {"epochs": 470, "evaluate_epochs": 2}
    study["variations"] = {
        "as the source": {},
        "the rate falls": {"schedule": dict(name="cosine", rate=rate, end=0.0)},
    }
    study["seeds"] = 1
    study["baseline"] = "as the source"
    return study
