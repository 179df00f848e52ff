"""Which records are of one recipe: all of a config but its seed, whatever its keys were called when it was run."""

import json
from collections.abc import Mapping

# Keys at values that do not change what is computed; the first records are older than they are.
SAYS_NOTHING = [("fixed_order_shards", 0), ("model_shards", 1), ("tensorboard", False), ("profile", False)]
RENAMED = {"log_every": "log_steps", "evaluate_every": "evaluate_epochs"}  # in 0.2


def recipe(path: str, record: Mapping) -> str:
    """A text that is the same for all seeds of a recipe that were run alike.

    path: results/…/NAME-seedN.json. Records of other NAMEs were run under other conditions, which the config does not
    say, as on a machine without bfloat16.
    """
    values = {
        RENAMED.get(key, key): value for key, value in record["values"].items() if (key, value) not in SAYS_NOTHING
    }
    schedule, data = dict(values.get("schedule", {})), dict(values.get("data", {}))
    if "warmup" in schedule:
        values["warmup_epochs"] = schedule.pop("warmup")
    if isinstance(held_out := data.get("validation"), int):
        data["validation"] = f"last:{held_out}" if held_out else "train"
    data.pop("workers", None)
    values |= {"schedule": schedule, "data": data, "seed": None}
    return json.dumps([record["config"], path.rpartition("seed")[0], values], sort_keys=True)
