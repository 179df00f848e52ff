"""As good as can be in a given time: 0.40 % test error within 6 minutes on two CPU cores, the whole command.

Source: the net of Cireşan, Meier, Gambardella, Schmidhuber 2010 (arXiv 1003.0358) that mlp2.py has, and its recipe.
Command: python -m bigdeep.main --config=configs/speedrun_6min.py
Cost: the time in its name on a processor that multiplies bfloat16, two to three times as long on others; measured by
python benchmarks/speedrun.py --config=configs/speedrun_6min.py. Expected: see the table of speed-runs in RESULTS.md.

The records of 85 epochs are of an earlier recipe, mlp3's net with neither mixup nor sharpening.
"""

from ml_collections import ConfigDict

from bigdeep.configfile import sibling

VARIANTS = ("full",)


def get_config(variant: str = "full") -> ConfigDict:
    config, smoke = sibling(__file__, "mlp2").get_config(variant), variant == "smoke"
    config.epochs = 2 if smoke else 225
    config.log_steps = 120
    config.evaluate_epochs = 1 if smoke else 45
    config.checkpoint_seconds = 600.0
    return config
