"""How much do deformations help where there are few digits?

Command: python -m bigdeep.study --study=few_digits
Cost: 9 runs of about 15 seconds on two cores. Needs a folder of pictures, train/CLASS and test/CLASS, in
runs/few_digits; for the record, the digits of 8 x 8 pixels that scikit-learn carries, as PNG files: the first 20 of
each class to train, the other 1,597 to test.
"""

from bigdeep.configfile import sibling


def get_study(smoke: bool) -> dict:
    study = sibling(__file__, "fashion").get_study(smoke)
    study["question"] = "How much do deformations help where there are few digits?"
    if not smoke:
        data = {"data.name": "folder", "data.dir": "runs/few_digits", "data.size": 28}
        study["overrides"] = {**data, "epochs": 400, "evaluate_epochs": 40, "batch_size": 100}
    return study
