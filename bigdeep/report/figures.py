"""Figures of published records: the README's, and one of each study."""

import pathlib
import statistics
from collections.abc import Callable, Mapping
from typing import Any

from bigdeep.report.records import Records
from bigdeep.report.tables import nets, studies

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito's, for all eyes
DASHES = ("-", "--", ":", "-.")
FAINTEST = 1e-16  # what a gradient is drawn as that is smaller, or zero


def error_against_time(path: pathlib.Path, records: Mapping[str, Mapping], runs: Records) -> None:
    """Test error at best validation against wall time: each speed-run on its way and at its end, and the paper's nets.

    records: of speed-runs, whole commands; runs: of the paper's nets, by their own clock, less start-up and the end of
    the process, of which one recipe each is shown; {file name: record} both.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - a second that only this needs

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    ordered = sorted(records.values(), key=lambda r: r["wall_seconds"])
    names = list(dict.fromkeys(r["config"] for r in ordered))
    for i, r in enumerate(ordered):
        colour = f"C{names.index(r['config'])}"
        total, late = r["test_total"] / 100, r["wall_seconds"] - r["seconds"]
        axes.plot(*best_so_far(r, late), color=colour, linewidth=0.8, alpha=0.6)
        known = {other["config"] for other in ordered[:i]}
        label = None if r["config"] in known else f"{r['config']}, two CPU cores"
        end = r["test_errors_at_best_validation"] / total
        axes.plot(r["wall_seconds"], end, "o", color=colour, label=label, markersize=5)
    for i, (name, own) in enumerate(nets.settled(runs).items()):
        seconds = statistics.mean(r["seconds"] for r in own.values())
        error = statistics.mean(nets.errors(own.values()))
        label = None if i else "bigdeep's recipe, at most two CPU cores (mean of its seeds)"
        axes.plot(seconds, error, "ks", fillstyle="none", label=label, markersize=6)
        above = error > nets.PAPER["mlp5"][0]
        at = (3, 4) if above else (-8, -14)
        axes.annotate(name, (seconds, error), at, textcoords="offset points", fontsize=8, rotation=50 * above)
    for name, (error, _, hours) in nets.PAPER.items():
        label = "the paper, one GTX 280" if name == "mlp5" else None
        axes.plot(3600 * hours, error, "k^", markersize=6, label=label)
        axes.annotate(name, (3600 * hours, error), xytext=(6, -3), textcoords="offset points", fontsize=8)
    ticks = {10: "10 s", 45: "45 s", 360: "6 min", 3600: "1 h", 9000: "150 min", 36000: "10 h", 412200: "114.5 h"}
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="wall time",
        ylabel="test error at best validation, %",
    )
    axes.set(xlim=(10, 1.2e6), ylim=(0.25, 1.5))
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_xticks([], minor=True)
    axes.set_yticks([0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0], ["0.30", "0.35", "0.40", "0.5", "0.6", "0.8", "1.0"])
    axes.set_yticks([], minor=True)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def best_so_far(record: Mapping, late: float) -> tuple[list[float], list[float]]:
    """Seconds, and the test error in % of the net with the best validation up to then."""
    best, seconds, errors = None, [], []
    for row in record["evaluations"]:
        if best is None or row["validation_errors"] <= best["validation_errors"]:
            best = row
        seconds.append(row["seconds"] + late)
        errors.append(100 * best["test_errors"] / record["test_total"])
    return seconds, errors


def study(path: pathlib.Path, record: Mapping) -> None:
    """The runs of a study as dots; below them, where its file wants them, curves of their errors or gradients."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - a second that only this needs

    below: list[tuple[Callable, str]] = [(_curves, against) for against in record["figure"].get("against", ())]
    below += [(_gradients, when) for when in studies.SIGNAL if record["figure"].get("signal")]
    height = 0.6 + 0.34 * len(record["variations"])
    figure = Figure(figsize=(7, height + 3.6 * len(below) + 0.5 * bool(below)), layout="constrained")
    first, *others = figure.subplots(1 + len(below), 1, height_ratios=[height, *[3.6] * len(below)], squeeze=False)
    figure.suptitle(record["question"], x=0.01, ha="left", fontsize=9)
    _dots(first[0], record)
    for (axes,), (draw, what) in zip(others, below, strict=True):
        draw(axes, record, what)
    if below:
        figure.legend(*others[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=7)
    figure.savefig(path, dpi=130, metadata={"Software": None})


def _dots(axes: Any, record: Mapping) -> None:
    """Each run as a dot, their mean as a bar with its standard error; the baseline's mean as a line."""
    names = list(record["variations"])
    for row, name in enumerate(names):
        found = list(studies.values(record, name).values())
        failed = sum("failed" in run for run in record["runs"] if run["variation"] == name)
        if found:
            mean = statistics.mean(found)
            error = statistics.stdev(found) / len(found) ** 0.5 if len(found) > 1 else 0.0
            axes.errorbar(mean, row, xerr=error, fmt="|", color="black", markersize=11, capsize=3, linewidth=1.2)
            axes.plot(found, [row] * len(found), "o", color="#1f5fa8", markersize=4, alpha=0.6)
            if name == record["baseline"]:
                axes.axvline(mean, color="#999999", linewidth=0.8, zorder=0)
        note = f"n = {len(found)}" + (f", {failed} diverged" if failed else "")
        axes.annotate(note, (1.01, row), xycoords=("axes fraction", "data"), va="center", fontsize=7, color="#555555")
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)
    if record["figure"].get("scale") == "log":
        axes.set_xscale("log")
        _plain_ticks(axes.xaxis, axes.get_xlim())
    axes.set_xlabel(f"{record['measure'].replace('_', ' ')}, % ({record['dataset']})", fontsize=8)
    axes.tick_params(axis="x", which="both", labelsize=8)
    axes.grid(axis="x", which="both", alpha=0.25)


def _curves(axes: Any, record: Mapping, against: str) -> None:
    """The validation error on its way, a line a run, of one colour and one dash a variation; log scale."""
    unit, label_of = (1e6, "images, millions") if against == "images" else (1, against)
    for i, name in enumerate(record["variations"]):
        runs = [run for run in record["runs"] if run["variation"] == name and "evaluations" in run]
        for n, run in enumerate(runs):
            rows = run["evaluations"]
            errors = [100 * row["validation_errors"] / run["validation_total"] for row in rows]
            label = None if n else name
            axes.plot([row[against] / unit for row in rows], errors, label=label, **_style(i))
    axes.set_yscale("log")
    _plain_ticks(axes.yaxis, axes.get_ylim())
    axes.set_xlabel(label_of, fontsize=8)
    axes.set_ylabel("validation errors, %", fontsize=8)
    axes.tick_params(which="both", labelsize=8)
    axes.grid(which="both", alpha=0.25)


def _gradients(axes: Any, record: Mapping, when: str) -> None:
    """The norm of each layer's gradient, from the input to the output, a line a run, of the variations to be shown."""
    for i, name in enumerate(record["variations"]):
        runs = [run for run in record["runs"] if run["variation"] == name and name in record["figure"]["signal"]]
        for n, norms in enumerate(run.get("gradients", {}).get(when, []) for run in runs):
            shown = [max(norm, FAINTEST) for norm in norms]
            axes.plot(range(1, len(norms) + 1), shown, label=None if n else name, **_style(i))
    axes.set_yscale("log")
    axes.set_xlabel("layer, from the input", fontsize=8)
    axes.set_ylabel(f"gradient {when}, norm", fontsize=8)
    axes.tick_params(which="both", labelsize=8)
    axes.grid(alpha=0.25)


def _style(i: int) -> dict[str, Any]:
    """Of the lines of the i-th variation."""
    colour, dash = COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS) % len(DASHES)]
    return {"color": colour, "linestyle": dash, "linewidth": 1, "alpha": 0.8}


def _plain_ticks(axis: Any, limits: tuple[float, float]) -> None:
    """Labels a logarithmic axis with numbers as one writes them, the smaller ticks too where there is room."""
    from matplotlib import ticker  # noqa: PLC0415 - a second that only figures need

    axis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    low, high = limits
    labelled = "123456789" if high < 4 * low else "25" if high < 400 * low else ""
    axis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:.0e}"[0] in labelled else "")
