"""As good as can be in a given time: an hour on two CPU cores, the whole command. Meant to make 0.35 %.

Source: the nets of Cireşan, Meier, Gambardella, Schmidhuber 2010 (arXiv 1003.0358) that mlp2.py and mlp3.py have, two
of each, as a committee in one run; their successor (arXiv 1103.4487) averages seven such nets: 0.31 %.
Command: python -m bigdeep.main --config=configs/speedrun_60min.py
Cost: the time in its name at most, on a processor that multiplies bfloat16; measured by
python benchmarks/speedrun.py --config=configs/speedrun_60min.py. Expected: see the table of speed-runs in RESULTS.md.

Each net sees a quarter of the images of a batch, four times the usual, in four times as many epochs: as many as alone.
The recipe is that of mlp3.py:averaged; the rate is one between those of the two nets, and batch norm of the averaged
weights is measured on 15 batches, all that an epoch has, instead of 50.
"""

from ml_collections import ConfigDict

from bigdeep.configfile import sibling

VARIANTS = ("full",)


def get_config(variant: str = "full") -> ConfigDict:
    smoke = variant == "smoke"
    config = sibling(__file__, "mlp3").get_config(variant if smoke else "averaged")
    widths = ((100, 50), (150, 100, 50)) if smoke else ((1000, 500), (1000, 500), (1500, 1000, 500), (1500, 1000, 500))
    members = [{**config.model, "widths": each} for each in widths]
    config.model = dict(name="committee", members=members, member=0)
    config.epochs = 6 if smoke else 1200
    config.batch_size = 100 if smoke else 4000
    config.log_steps = 50 if smoke else 15
    config.schedule.update(rate=6e-3, end=0.0 if smoke else 1.5e-3)
    config.warmup_epochs = 2.0
    config.evaluate_epochs = 2 if smoke else 80
    return config
