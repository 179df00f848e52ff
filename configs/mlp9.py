"""The paper's net with nine hidden layers, nine times 1000 (8.86 M weights), trained as mlp5.py.

Source: Cireşan, Meier, Gambardella, Schmidhuber 2010 (arXiv 1003.0358), table 1: 0.44 % test error.
Command: python -m bigdeep.main --config=configs/mlp9.py
Cost: 30 to 60 minutes on two cores. Expected: see RESULTS.md.
"""

from ml_collections import ConfigDict

from bigdeep.configfile import sibling

VARIANTS = ("full",)


def get_config(variant: str = "full") -> ConfigDict:
    config, smoke = sibling(__file__, "mlp5").get_config(variant), variant == "smoke"
    config.model.widths = (100,) * 9 if smoke else (1000,) * 9
    config.epochs = 4 if smoke else 300
    config.schedule.rate = 3e-3
    config.evaluate_epochs = 1 if smoke else 20
    return config
