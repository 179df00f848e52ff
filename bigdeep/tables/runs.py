"""Tables of trained nets."""

import json
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from bigdeep import writer

# Cireşan et al. 2010 (arXiv 1003.0358), table 1: error % at best validation, best test error %, hours on a GTX 280.
PAPER = {
    "mlp2": (0.49, 0.44, 23.4),
    "mlp3": (0.46, 0.40, 44.2),
    "mlp4": (0.41, 0.39, 66.7),
    "mlp5": (0.35, 0.32, 114.5),
    "mlp9": (0.44, 0.43, 107.7),
}
# What others got with the nets they first trained: test error in %, and who.
SOURCES = {
    "two_layer": "10 to 15, the 2017 framework",
    "convnet": "49 after 14 hours, the 2017 framework",
    "lenet5_maxpool": "2 in 2 epochs, the 2017 framework",
    "lenet5_maxpool:squared_error": "60 to 80, the same with its bug",
    "lenet5": "0.95, LeCun 1998",
    "lenet5:softmax": "0.95, LeCun 1998",
    "lenet5:distorted": "0.8, LeCun 1998",
    "lenet5:tiny_dnn": "1.2 in 13 min, tiny-dnn",
    "simard_mlp": "0.7, Simard 2003",
    "simard_conv": "0.4, Simard 2003",
    "cifar10_lenet5": "55 to 58, the 2017 framework",
    "cifar10_mlp": "about 22 with deformations, Lin et al. 2015",
    "dark_knowledge": "1.46, Hinton et al. 2015",
    "dark_knowledge:teacher": "0.67, Hinton et al. 2015",
    "dark_knowledge:distilled": "0.74, Hinton et al. 2015",
    "fractalnet:cifar10": "4.60 for a net 43 times as large, Larsson et al. 2017",
}


def paper(records: Mapping[str, Mapping]) -> str:
    """A Markdown table beside the paper's rows, a row a recipe with all its seeds. records: {file name: record}."""
    recipes: dict[str, dict[str, Mapping]] = {}
    for name, r in sorted(records.items()):
        recipe = json.dumps([r["config"], {**r["values"], "seed": None}], sort_keys=True)
        recipes.setdefault(recipe, {})[name] = r
    lines = [
        "| config | recipe | weights | paper: error % at best validation (best), hours | **ours: error %** | "
        "best, final % | errors in each half | epochs, time | validation errors | records |",
        "|---" * 10 + "|",
    ]
    rows = [(statistics.mean(_errors(runs.values())), runs) for runs in recipes.values()]
    for _, runs in sorted(rows, key=lambda row: (next(iter(row[1].values()))["config"], row[0])):
        lines.append(f"| {' | '.join(_paper_cells(runs))} |")
    return "\n".join(lines) + "\n"


def _paper_cells(runs: Mapping[str, Mapping]) -> Sequence[str]:
    """The cells of a recipe's row: what its runs have in common from the first, their figures as means."""
    first, model = next(iter(runs.values())), next(iter(runs.values()))["values"]["model"]
    norm = model.get("norm", "none")  # the first records are older than norms
    kind = model["activation"].replace("_", " ") + (f", {norm} norm" if norm != "none" else "")
    kind += ", mixup" if first["values"].get("mixup") else ""
    kind += ", sharpened" if any(s["name"] == "sharpen" for s in first["values"]["augment"]) else ""

    def mean(key: str) -> float:
        return statistics.mean(r[key] for r in runs.values())

    errors = _errors(runs.values())
    seeds = f", of {', '.join(f'{e:.2f}' for e in errors)}" if len(errors) > 1 else ""
    halves = (f"{statistics.mean(r['test_errors_halves'][i] for r in runs.values()):.4g}" for i in (0, 1))
    return (
        f"`{first['config']}`",
        kind,
        f"{first['parameters']:,}",
        "{:.2f} ({:.2f}), {} h".format(*PAPER[first["config"]]) if first["config"] in PAPER else "",
        f"**{_mean_and_spread(errors)}**{seeds}",
        ", ".join(f"{100 * mean(f'test_errors_{key}') / first['test_total']:.2f}" for key in ("best", "final")),
        f"{' + '.join(halves)} of {first['test_total']:,}",
        f"{first['epochs']}, {writer.duration(mean('seconds'))}",
        f"{mean('validation_errors'):.4g} of {first['validation_total']:,} ({first['validation_split']})",
        ", ".join(f"[seed {r['seed']}](results/{name})" for name, r in runs.items()),
    )


def _errors(runs: Iterable[Mapping]) -> list[float]:
    """Test error at best validation in %, of each run."""
    return [100 * r["test_errors_at_best_validation"] / r["test_total"] for r in runs]


def _mean_and_spread(errors: Sequence[float]) -> str:
    """The mean, with the standard deviation of the sample behind it where there are several."""
    spread = f" ± {statistics.stdev(errors):.2f}" if len(errors) > 1 else ""
    return f"{statistics.mean(errors):.2f}{spread}"


def comparison(records: Mapping[str, Mapping]) -> str:
    """A Markdown table of the variants of a config, best first: mean and standard deviation over their seeds."""
    variants: dict[str, list[Mapping]] = {}
    for r in records.values():
        variants.setdefault(r["config"].partition(":")[2], []).append(r)
    lines = ["| deformation | test error % | of its seeds | in each half | named right in training % | time each |"]
    lines.append("|---|---|---|---|---|---|")
    for name, runs in sorted(variants.items(), key=lambda item: statistics.mean(_errors(item[1]))):
        own = _errors(runs)
        halves = [
            statistics.mean(100 * r["test_errors_halves"][i] / (r["test_total"] / 2) for r in runs) for i in (0, 1)
        ]
        right = 100 - 100 * statistics.mean(r["evaluations"][-1]["train_error"] for r in runs)
        seconds = statistics.mean(r["seconds"] for r in runs)
        cells = (
            f"`{name}`",
            f"**{_mean_and_spread(own)}**",
            ", ".join(f"{value:.2f}" for value in own),
            " / ".join(f"{value:.2f}" for value in halves),
            f"{right:.2f}",
            writer.duration(seconds),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def nets(records: Mapping[str, Mapping]) -> str:
    """A Markdown table, a row a record, of the nets that are not the paper's, beside what their sources got."""
    lines = [
        "| config | weights | source: error % | **ours: error %** (best, final) | each half | epochs, time | record |"
    ]
    lines.append("|---" * 7 + "|")
    order = {name: i for i, name in enumerate(SOURCES)}
    rows = sorted(records.items(), key=lambda item: (order.get(_general(item[1]["config"]), 99), item[0]))
    for name, r in rows:
        percent = [100 * r[f"test_errors_{key}"] / r["test_total"] for key in ("at_best_validation", "best", "final")]
        cells = (
            f"`{r['config']}`",
            f"{r['parameters']:,}",
            SOURCES.get(r["config"], SOURCES.get(_general(r["config"]), "")),
            f"**{percent[0]:.2f}** ({percent[1]:.2f}, {percent[2]:.2f})",
            f"{r['test_errors_halves'][0]} + {r['test_errors_halves'][1]} of {r['test_total']:,}",
            f"{r['epochs']}, {writer.duration(r['seconds'])}",
            f"[{name.rpartition('/')[2]}](results/{name})",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _general(config: str) -> str:
    """The config whose source a variant shares: its own where it is named, else that of the file."""
    return config if config in SOURCES else config.partition(":")[0]


def committees(records: Mapping[str, Mapping]) -> str:
    """A Markdown table of committees: each member alone, all together, and with deformed copies where averaged."""
    lines = ["| committee | of | members alone % | **together %** | each half | averaged over copies % |"]
    lines.append("|---" * 6 + "|")
    for name, r in records.items():
        total = r["test_total"] / 100
        nets = Counter(member["config"] for member in r["members"])
        averaged = f"{r['averaged_test_errors'] / total:.2f} ({r['copies']} copies)" if "copies" in r else ""
        cells = (
            f"[{name.removesuffix('.json')}](results/committees/{name})",
            ", ".join(f"{count} `{net}`" for net, count in nets.items()),
            ", ".join(f"{member['test_errors'] / total:.2f}" for member in r["members"]),
            f"**{r['test_errors'] / total:.2f}**",
            " + ".join(map(str, r["test_errors_halves"])),
            averaged,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def speedruns(records: Mapping[str, Mapping]) -> str:
    """A Markdown table of whole training commands, a row a config: the errors of its seeds and their wall times."""
    configs: dict[str, list[Mapping]] = {}
    for r in sorted(records.values(), key=lambda r: r["wall_seconds"]):
        configs.setdefault(r["config"], []).append(r)
    lines = ["| config | hidden units | error % at best validation | of its seeds | wall time | epochs | on |"]
    lines.append("|---" * 7 + "|")
    for name, runs in configs.items():
        errors = _errors(sorted(runs, key=lambda r: r["seed"]))
        seconds = [writer.duration(r["wall_seconds"]) for r in (runs[0], runs[-1])]
        cells = (
            f"`{name}`",
            "-".join(map(str, runs[0]["values"]["model"]["widths"])),
            f"**{_mean_and_spread(errors)}**",
            ", ".join(f"{error:.2f}" for error in errors),
            " to ".join(dict.fromkeys(seconds)),
            str(runs[0]["epochs"]),
            runs[0]["device"],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def search(records: Mapping[str, Mapping]) -> str:
    """A Markdown table of runs made to choose a recipe, in the order they were made, by held-out validation errors."""
    lines = ["| run | validation errors | of all evaluations | named wrongly in training % | epochs, time |"]
    lines.append("|---" * 5 + "|")
    for name, r in records.items():
        errors = [row["validation_errors"] for row in r["evaluations"]]
        cells = (
            f"[{name.removesuffix('.json')}](../results/search/{name})",
            f"**{errors[-1]}** of {r['validation_total']:,}",
            ", ".join(map(str, errors)),
            f"{100 * r['evaluations'][-1]['train_error']:.2f}",
            f"{r['epochs']}, {writer.duration(r['seconds'])}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def unfinished(records: Mapping[str, Mapping]) -> str:
    """A Markdown table of runs that were stopped or exploded: how far they came, and their errors there."""
    lines = [
        "| run | epochs | time | images/s | training loss | validation errors | **test error %** |",
        "|---" * 7 + "|",
    ]
    for name, r in records.items():
        last = r["evaluations"][-1] if r["evaluations"] else {}
        cells = (
            f"[{name.removesuffix('.json')}](results/unfinished/{name})",
            f"{r['epoch']:.4g} of {r['epochs']}",
            writer.duration(r["seconds"]),
            f"{r['images_per_second']:,.0f}",
            f"{r['train_loss']:.3f}",
            f"{last['validation_errors']:,}" if last else "",
            f"**{100 * last['test_errors'] / last['test_total']:.2f}**" if "test_errors" in last else "",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
