"""As good as can be in a given time: 0.40 % test error within 45 minutes on two CPU cores, the whole command.

Source: the net of Cireşan, Meier, Gambardella, Schmidhuber 2010 (arXiv 1003.0358) that mlp3.py has, and its recipe.
Command: python -m bigdeep.main --config=configs/speedrun_45min.py
Cost: the time in its name at most; python benchmarks/speedrun.py --config=configs/speedrun_45min.py measures it.
Expected: see the table of speed-runs in RESULTS.md.
"""

from ml_collections import ConfigDict

from bigdeep.configfile import sibling

VARIANTS = ("full",)


def get_config(variant: str = "full") -> ConfigDict:
    config, smoke = sibling(__file__, "mlp3").get_config(variant), variant == "smoke"
    config.evaluate_epochs = 1 if smoke else 60
    return config
