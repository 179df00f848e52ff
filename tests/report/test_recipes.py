"""What counts as one recipe."""

from bigdeep.report.recipes import recipe

TODAY = {
    "seed": 2, "log_steps": 60, "evaluate_epochs": 20, "warmup_epochs": 0.5, "fixed_order_shards": 0, "profile": False,
    "schedule": {"name": "cosine", "rate": 4e-3, "end": 0.0},
    "data": {"name": "mnist", "validation": "train", "workers": 0},
}  # fmt: skip


def named(values: dict, path: str = "runs/mlp4/sharpened-seed2.json", config: str = "mlp4") -> str:
    return recipe(path, {"config": config, "values": values})


def test_seeds_and_names_of_keys_make_no_other_recipe():
    of_0_1 = {
        "seed": 0, "log_every": 60, "evaluate_every": 20,
        "schedule": {"name": "cosine", "rate": 4e-3, "end": 0.0, "warmup": 0.5},
        "data": {"name": "mnist", "validation": 0},
    }  # fmt: skip
    assert named(of_0_1, "runs/mlp4/sharpened-seed0.json") == named(TODAY)
    held_out = {**of_0_1, "data": {"name": "mnist", "validation": 10000}}
    assert named(held_out) == named({**TODAY, "data": {"name": "mnist", "validation": "last:10000", "workers": 3}})
    assert named(held_out) != named(TODAY)


def test_what_makes_another_recipe():
    others = [
        named({**TODAY, "warmup_epochs": 1.0}),
        named({**TODAY, "fixed_order_shards": 8}),
        named({**TODAY, "schedule": {**TODAY["schedule"], "rate": 6e-3}}),
        named(TODAY, "runs/mlp4/float32-products-seed2.json"),
        named(TODAY, config="mlp4:averaged"),
    ]
    assert len({named(TODAY), *others}) == 6
