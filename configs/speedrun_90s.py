"""As good as can be in a given time: 90 seconds on two CPU cores, the whole command. Meant to make 0.50 %.

Source: the net of Cireşan, Meier, Gambardella, Schmidhuber 2010 (arXiv 1003.0358) that mlp2.py has.
Command: python -m bigdeep.main --config=configs/speedrun_90s.py
Cost: the time in its name on a processor that multiplies bfloat16, two to three times as long on others; measured by
python benchmarks/speedrun.py --config=configs/speedrun_90s.py. Expected: see the table of speed-runs in RESULTS.md.

speedrun_45s.py for more than three times as many epochs, on somewhat stronger deformations.
"""

from ml_collections import ConfigDict

from bigdeep.configfile import sibling

VARIANTS = ("full",)


def get_config(variant: str = "full") -> ConfigDict:
    config, smoke = sibling(__file__, "speedrun_45s").get_config(variant), variant == "smoke"
    config.epochs = 2 if smoke else 75
    affine, elastic = config.augment
    config.augment = [affine | dict(scale=0.2), elastic | dict(alpha=40.0)]
    config.evaluate_epochs = 1 if smoke else 15
    return config
