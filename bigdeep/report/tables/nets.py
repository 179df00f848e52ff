"""Tables of trained nets."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from bigdeep import sections
from bigdeep.report.markdown import table
from bigdeep.report.recipes import recipe
from bigdeep.report.records import Records
from bigdeep.run.progress import duration

# Cireşan et al. 2010 (arXiv 1003.0358), table 1: error % at best validation, best test error %, hours on a GTX 280.
PAPER = {
    "mlp2": (0.49, 0.44, 23.4),
    "mlp3": (0.46, 0.40, 44.2),
    "mlp4": (0.41, 0.39, 66.7),
    "mlp5": (0.35, 0.32, 114.5),
    "mlp9": (0.44, 0.43, 107.7),
}
# What the nets' sources report: test error in %, and who.
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


def paper_net(config: str) -> str | None:
    """The name in PAPER of the net that a config trains, whatever the recipe."""
    name, _, variant = config.partition(":")
    return name if name in PAPER and variant in ("", "averaged") else None


def of_the_paper(records: Records) -> Records:
    """The records of runs of the paper's five nets."""
    return {path: r for path, r in records.items() if paper_net(r["config"])}


def errors(runs: Iterable[Mapping]) -> list[float]:
    """Test error at best validation in %, of each run."""
    return [100 * r["test_errors_at_best_validation"] / r["test_total"] for r in runs]


def mean_and_deviation(values: Sequence[float]) -> str:
    """The mean, with the standard deviation of the sample behind it where there are several."""
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{spread}"


def _recipes(records: Records) -> list[Records]:
    """The records of each recipe, by config, the best of its recipes first."""
    recipes: dict[str, Records] = {}
    for path, r in records.items():
        recipes.setdefault(recipe(path, r), {})[path] = r
    first = [
        (next(iter(runs.values()))["config"], statistics.mean(errors(runs.values())), runs) for runs in recipes.values()
    ]
    return [runs for *_, runs in sorted(first, key=lambda row: row[:2])]


def settled(records: Records) -> dict[str, Records]:
    """{net: the records of one of its recipes}, of the paper's nets: that with the most seeds, the lowest error."""
    best: dict[str, Records] = {}
    for runs in sorted(_recipes(of_the_paper(records)), key=lambda runs: statistics.mean(errors(runs.values()))):
        name = paper_net(next(iter(runs.values()))["config"]) or ""
        if name not in best or len(runs) > len(best[name]):
            best[name] = runs
    return best


def summary(records: Records) -> str:
    """The README's table: of each of the paper's nets one recipe."""
    rows = []
    for name, runs in sorted(settled(records).items()):
        first, (error, _, hours) = next(iter(runs.values())), PAPER[name]
        ours = mean_and_deviation(errors(runs.values()))
        count = f"{len(runs)} seed{'s' if len(runs) > 1 else ''}"
        time = duration(statistics.mean(r["seconds"] for r in runs.values()))
        widths = _widths(first["values"]["model"]["widths"])
        rows.append((f"`{first['config']}`", widths, f"{error:.2f} in {hours} h", f"**{ours}** ({count})", time))
    header = ("config", "hidden units", "paper, error %", "bigdeep, error %", "time on two cores")
    return table(header, rows)


def _widths(widths: Sequence[int]) -> str:
    return f"{len(widths)} × {widths[0]}" if len(set(widths)) == 1 else "-".join(map(str, widths))


def _hidden(net: Mapping) -> str:
    """The hidden units of a perceptron, which a stack may be, too; and what it is shown, where that is no pixels."""
    if net["name"] != "stack":
        return _widths(net["widths"])
    units = _widths([layer["width"] for layer in net["layers"][:-1] if layer["name"] == "dense"])
    return units + (" on directions" if net["layers"][0]["name"] == "directions" else "")


def paper(records: Records) -> str:
    """A row per recipe of the paper's nets with all its seeds, beside the paper's figures."""
    header = (
        *("config", "recipe", "weights", "paper: error % at best validation (best), hours", "**ours: error %**"),
        *("best, final %", "errors in each half", "epochs, time", "validation errors", "records"),
    )
    return table(header, map(_paper_cells, _recipes(of_the_paper(records))))


def _paper_cells(runs: Records) -> Sequence[str]:
    """The cells of a recipe's row: what its runs have in common from the first, their figures as means."""
    first, model = next(iter(runs.values())), next(iter(runs.values()))["values"]["model"]
    norm = model.get("norm", "none")  # the first records are older than norms
    kind = model["activation"].replace("_", " ") + (f", {norm} norm" if norm != "none" else "")
    kind += ", mixup" if first["values"].get("mixup") else ""
    kind += ", sharpened" if any(s["name"] == "sharpen" for s in first["values"]["augment"]) else ""
    regularisers = {s["name"] for s in first["values"].get("regularisers", [])}
    kind += ", averaged" if "average" in regularisers else ""

    def mean(key: str) -> float:
        return statistics.mean(r[key] for r in runs.values())

    each = errors(runs.values())
    seeds = f", of {', '.join(f'{e:.2f}' for e in each)}" if len(each) > 1 else ""
    halves = (f"{statistics.mean(r['test_errors_halves'][i] for r in runs.values()):.4g}" for i in (0, 1))
    return (
        f"`{first['config']}`",
        kind,
        f"{first['parameters']:,}",
        "{:.2f} ({:.2f}), {} h".format(*PAPER[paper_net(first["config"]) or ""]),
        f"**{mean_and_deviation(each)}**{seeds}",
        ", ".join(f"{100 * mean(f'test_errors_{key}') / first['test_total']:.2f}" for key in ("best", "final")),
        f"{' + '.join(halves)} of {first['test_total']:,}",
        f"{first['epochs']}, {duration(mean('seconds'))}",
        f"{mean('validation_errors'):.4g} of {first['validation_total']:,} ({first['validation_split']})",
        ", ".join(f"[seed {r['seed']}](results/{path})" for path, r in runs.items()),
    )


def comparison(records: Records) -> str:
    """The variants of a config, best first: mean and standard deviation over their seeds."""
    variants: dict[str, list[Mapping]] = {}
    for r in records.values():
        variants.setdefault(r["config"].partition(":")[2], []).append(r)
    rows = []
    for name, runs in sorted(variants.items(), key=lambda item: statistics.mean(errors(item[1]))):
        each = errors(runs)
        halves = [
            statistics.mean(100 * r["test_errors_halves"][i] / (r["test_total"] / 2) for r in runs) for i in (0, 1)
        ]
        accuracy = 100 - 100 * statistics.mean(r["evaluations"][-1]["train_error"] for r in runs)
        rows.append(
            (
                f"`{name}`",
                f"**{mean_and_deviation(each)}**",
                ", ".join(f"{value:.2f}" for value in each),
                " / ".join(f"{value:.2f}" for value in halves),
                f"{accuracy:.2f}",
                duration(statistics.mean(r["seconds"] for r in runs)),
            )
        )
    header = ("deformation", "test error %", "of its seeds", "in each half", "training accuracy %", "time each")
    return table(header, rows)


def nets(records: Records) -> str:
    """A row per record of the nets that are not the paper's, beside what their sources report."""
    order = {name: i for i, name in enumerate(SOURCES)}
    rows = []
    for path, r in sorted(records.items(), key=lambda item: (order.get(_general(item[1]["config"]), 99), item[0])):
        percent = [100 * r[f"test_errors_{key}"] / r["test_total"] for key in ("at_best_validation", "best", "final")]
        rows.append(
            (
                f"`{r['config']}`",
                f"{r['parameters']:,}",
                SOURCES.get(r["config"], SOURCES.get(_general(r["config"]), "")),
                f"**{percent[0]:.2f}** ({percent[1]:.2f}, {percent[2]:.2f})",
                f"{r['test_errors_halves'][0]} + {r['test_errors_halves'][1]} of {r['test_total']:,}",
                f"{r['epochs']}, {duration(r['seconds'])}",
                f"[{path.rpartition('/')[2]}](results/{path})",
            )
        )
    header = ("config", "weights", "source: error %", "**ours: error %** (best, final)", "each half", "epochs, time")
    return table((*header, "record"), rows)


def _general(config: str) -> str:
    """The config whose source a variant shares: its own where it is listed, else that of the file."""
    return config if config in SOURCES else config.partition(":")[0]


def speedruns(records: Records) -> str:
    """Whole training commands, a row per recipe and commit: the errors of its seeds and their wall times."""
    recipes: dict[tuple, list[Mapping]] = {}
    for r in sorted(records.values(), key=lambda r: r["wall_seconds"]):
        recipes.setdefault((r["config"], r["epochs"], r["git_commit"]), []).append(r)
    rows = []
    for (name, epochs, _), runs in recipes.items():
        each = errors(sorted(runs, key=lambda r: r["seed"]))
        seconds = [duration(r["wall_seconds"]) for r in (runs[0], runs[-1])]
        rows.append(
            (
                f"`{name}`",
                ", ".join(map(_hidden, sections.nets(runs[0]["values"]["model"]))),
                f"**{mean_and_deviation(each)}**",
                ", ".join(f"{error:.2f}" for error in each),
                " to ".join(dict.fromkeys(seconds)),
                str(epochs),
                runs[0]["device"],
            )
        )
    header = ("config", "hidden units", "error % at best validation", "of its seeds", "wall time", "epochs", "on")
    return table(header, rows)


def unfinished(records: Records) -> str:
    """Runs that were stopped or exploded: how far they came, and their errors there."""
    rows = []
    for path, r in records.items():
        last = r["evaluations"][-1] if r["evaluations"] else {}
        rows.append(
            (
                f"[{r['config']}](results/{path})",
                f"{r['epoch']:.4g} of {r['epochs']}",
                duration(r["seconds"]),
                f"{r['images_per_second']:,.0f}",
                f"{r['train_loss']:.3f}",
                f"{last['validation_errors']:,}" if last else "",
                f"**{100 * last['test_errors'] / last['test_total']:.2f}**" if "test_errors" in last else "",
            )
        )
    header = ("run", "epochs", "time", "images/s", "training loss", "validation errors", "**test error %**")
    return table(header, rows)
