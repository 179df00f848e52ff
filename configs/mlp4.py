"""The paper's net with four hidden layers, 2000-1500-1000-500-10 (6.69 M weights), trained as mlp5.py.

Source: Cireşan, Meier, Gambardella, Schmidhuber 2010 (arXiv 1003.0358), table 1: 0.41 % test error.
Command: python -m bigdeep.main --config=configs/mlp4.py
Cost: 20 to 40 minutes on two cores. Expected: see RESULTS.md.
"""

from ml_collections import ConfigDict

from bigdeep.configfile import sibling

VARIANTS = ("full",)


def get_config(variant: str = "full") -> ConfigDict:
    config, smoke = sibling(__file__, "mlp5").get_config(variant), variant == "smoke"
    config.model.widths = (200, 150, 100, 50) if smoke else (2000, 1500, 1000, 500)
    config.epochs = 2 if smoke else 300
    config.evaluate_epochs = 1 if smoke else 20
    return config
