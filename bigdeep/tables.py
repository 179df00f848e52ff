"""The README's tables, as Markdown, of published records: pure functions of {file name: record}."""

import statistics
from collections.abc import Mapping, Sequence

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
    """A Markdown table, a row a record, beside the paper's row. records: {file name: record}."""
    lines = [
        "| config | weights | paper: error % at best validation (best), hours | **ours: error %** (best, final) | "
        "errors in each half | epochs, time | validation errors | record |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, r in sorted(records.items()):
        percent = {key: f"{100 * r[f'test_errors_{key}'] / r['test_total']:.2f}" for key in ("best", "final")}
        selected = f"{100 * r['test_errors_at_best_validation'] / r['test_total']:.2f}"
        paper = "{:.2f} ({:.2f}), {} h".format(*PAPER[r["config"]]) if r["config"] in PAPER else ""
        lines.append(
            f"| `{r['config']}`, seed {r['seed']} | {r['parameters']:,} | {paper} | "
            f"**{selected}** ({percent['best']}, {percent['final']}) | "
            f"{r['test_errors_halves'][0]} + {r['test_errors_halves'][1]} of {r['test_total']:,} | "
            f"{r['epochs']}, {writer.duration(r['seconds'])} | "
            f"{r['validation_errors']} of {r['validation_total']:,} ({r['validation_split']}) | "
            f"[{name}](results/{name}) |"
        )
    return "\n".join(lines) + "\n"


def comparison(records: Mapping[str, Mapping]) -> str:
    """A Markdown table of the variants of a config, best first: mean and standard deviation over their seeds."""
    variants: dict[str, list[Mapping]] = {}
    for r in records.values():
        variants.setdefault(r["config"].partition(":")[2], []).append(r)
    lines = ["| deformation | test error % | of its seeds | in each half | named right in training % | time each |"]
    lines.append("|---|---|---|---|---|---|")

    def errors(runs: Sequence[Mapping]) -> list[float]:
        return [100 * r["test_errors_at_best_validation"] / r["test_total"] for r in runs]

    for name, runs in sorted(variants.items(), key=lambda item: statistics.mean(errors(item[1]))):
        own = errors(runs)
        spread = f" ± {statistics.stdev(own):.2f}" if len(own) > 1 else ""
        halves = [
            statistics.mean(100 * r["test_errors_halves"][i] / (r["test_total"] / 2) for r in runs) for i in (0, 1)
        ]
        right = 100 - 100 * statistics.mean(r["evaluations"][-1]["train_error"] for r in runs)
        seconds = statistics.mean(r["seconds"] for r in runs)
        cells = (
            f"`{name}`",
            f"**{statistics.mean(own):.2f}**{spread}",
            ", ".join(f"{value:.2f}" for value in own),
            " / ".join(f"{value:.2f}" for value in halves),
            f"{right:.2f}",
            writer.duration(seconds),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def speed(records: Mapping[str, Mapping]) -> str:
    """Two Markdown tables of benchmark records: the training step beside the machine's limit, and start-up."""
    steps = [r for _, r in sorted(records.items()) if r["benchmark"] == "train_step"]
    starts = [r for _, r in sorted(records.items()) if r["benchmark"] == "startup"]
    lines = [
        "| whole step of | images/s | GFLOP/s | limit | share of limit | share of deformation | of diagnosis | on |"
    ]
    lines.append("|---" * 8 + "|")
    for r in steps:
        name, rate = f"`{r['name']}`, batch {r['batch_size']}", f"{r['images_per_second']:,.0f}"
        shares = (f"{r['gflops']:.0f}", f"{r['limit']:.0f}", f"{r['ratio']:.2f}", f"{100 * r['augment_share']:.1f} %")
        shares += (f"{100 * r['diagnosis_share']:.1f} %" if "diagnosis_share" in r else "",)
        lines.append(f"| {' | '.join((name, rate, *shares, r['device']))} |")
    lines += ["", "| from the command to the first step of | cold cache | warm cache | peak memory | on |"]
    lines.append("|---|---|---|---|---|")
    for r in starts:
        name = f"`{r['name']}`"
        times = (f"{r['cold_seconds']:.1f} s", f"{r['warm_seconds']:.1f} s", f"{r['peak_gigabytes']:.2f} GB")
        lines.append(f"| {' | '.join((name, *times, r['device']))} |")
    return "\n".join(lines) + "\n"


def deformations(records: Mapping[str, Mapping]) -> str:
    """A Markdown table of the benchmark of deformations: a row a deformation, a column a library."""
    record = records.get("augment.json", {"rates": []})
    rates = {(r["name"], r["library"]): r for r in record["rates"]}
    libraries = list(dict.fromkeys(library for _, library in rates if library != "bigdeep"))
    header = ["images/s", "bigdeep", "share of an mlp5 step", *libraries]
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    for name in dict.fromkeys(name for name, library in rates if library == "bigdeep"):
        ours = rates[name, "bigdeep"]
        others = [rates.get((name, library), {}).get("images_per_second") for library in libraries]
        cells = [f"`{name}`", f"**{ours['images_per_second']:,.0f}**", f"{100 * ours['step_share']:.1f} %"]
        lines.append(f"| {' | '.join(cells + [f'{rate:,.0f}' if rate else '' for rate in others])} |")
    if paper := rates.get(("paper", "bigdeep")):
        reached = f"The paper's mixture reaches {paper['ratio']:.2f} of its limit, {paper['limit']:,.0f} images/s"
        others = [
            rate["images_per_second"] for (name, _), rate in rates.items() if name == "paper" and rate is not paper
        ]
        beside = f", {paper['images_per_second'] / max(others):.0f} times the fastest other library" if others else ""
        lines += ["", f"{reached}{beside}."]
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


def peers(records: Mapping[str, Mapping]) -> str:
    """A Markdown table of the benchmark of nets beside PyTorch."""
    record = records.get("nets.json", {"rates": []})
    lines = [
        "| training step of | bigdeep, images/s | PyTorch | PyTorch, compiled | times the faster one | on |",
        "|---" * 6 + "|",
    ]
    for r in record["rates"]:
        images = r["images_per_second"]
        rates = (f"**{images['bigdeep']:,.0f}**", f"{images['torch']:,.0f}", f"{images['torch.compile']:,.0f}")
        cells = (f"`{r['name']}`, batch {r['batch_size']}", *rates, f"{r['ratio']:.2f}", record["device"])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
