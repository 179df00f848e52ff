"""The paper's net with two hidden layers, 1000-500-10 (1.35 M weights), trained as mlp3.py.

Source: Cireşan, Meier, Gambardella, Schmidhuber 2010 (arXiv 1003.0358), table 1: 0.49 % test error.
Command: python -m bigdeep.main --config=configs/mlp2.py, or …py:averaged
Cost: 5 to 10 minutes on two cores that multiply bfloat16, half an hour on others. Expected: see RESULTS.md.
"""

from ml_collections import ConfigDict

from bigdeep.configfile import sibling

VARIANTS = ("full", "averaged")


def get_config(variant: str = "full") -> ConfigDict:
    config, smoke = sibling(__file__, "mlp3").get_config(variant), variant == "smoke"
    config.model.widths = (100, 50) if smoke else (1000, 500)
    config.schedule.update(rate=8e-3, end=2e-3 if variant == "averaged" else 0.0)
    return config
