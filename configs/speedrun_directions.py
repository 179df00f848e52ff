"""As good as can be in a given time, on directions of strokes: 90 seconds on two CPU cores. Meant to make 0.40 %.

Source: the net of Cireşan, Meier, Gambardella, Schmidhuber 2010 (arXiv 1003.0358) that mlp2.py has, on the features of
directions.py; not a net of pixels, as the other speed-runs are.
Command: python -m bigdeep.main --config=configs/speedrun_directions.py
Cost: 90 seconds on a processor that multiplies bfloat16, two to three times as long on others; measured by
python benchmarks/speedrun.py --config=configs/speedrun_directions.py. Expected: see the table of speed-runs in
RESULTS.md.

directions.py:mlp2 for as many epochs as the time allows, without the average, which a short run has no use for
(docs/studies.md, "A run of 90 seconds").
"""

from ml_collections import ConfigDict

from bigdeep.configfile import sibling

VARIANTS = ("full",)


def get_config(variant: str = "full") -> ConfigDict:
    smoke = variant == "smoke"
    config = sibling(__file__, "directions").get_config("smoke" if smoke else "mlp2")
    config.regularisers = []
    config.schedule.end = 0.0
    config.epochs = 2 if smoke else 75
    config.log_steps = 120
    config.evaluate_epochs = 1 if smoke else 15
    config.checkpoint_seconds = 600.0
    return config
