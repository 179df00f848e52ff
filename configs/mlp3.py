"""The paper's net with three hidden layers, 1500-1000-500-10 (3.27 M weights), trained as mlp5.py.

Source: Cireşan, Meier, Gambardella, Schmidhuber 2010 (arXiv 1003.0358), table 1: 0.46 % test error.
Command: python -m bigdeep.main --config=configs/mlp3.py, or …py:averaged
Cost: 10 to 20 minutes on two cores that multiply bfloat16, an hour and more on others. Expected: see RESULTS.md.

The variant "averaged" is the mean of the weights over about the last twelfth of the run, whose rate ends at a quarter,
not at 0: a little better on unseen hands (docs/studies.md, "Unseen hands, long training").
"""

from ml_collections import ConfigDict

from bigdeep.configfile import sibling

VARIANTS = ("full", "averaged")


def get_config(variant: str = "full") -> ConfigDict:
    config, smoke = sibling(__file__, "mlp5").get_config(variant), variant == "smoke"
    config.model.widths = (150, 100, 50) if smoke else (1500, 1000, 500)
    config.epochs = 2 if smoke else 300
    config.evaluate_epochs = 1 if smoke else 20
    if variant == "averaged":
        config.regularisers = [dict(name="average", share=1 / 12)]
        config.schedule.end = config.schedule.rate / 4
    return config
