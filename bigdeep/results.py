r"""Published records, and the README's tables made of them: no figure is pasted by hand.

  python -m bigdeep.results --add=runs/mlp2,runs/mlp5    keeps the records of finished runs, then writes the tables
  python -m bigdeep.results                              only writes the tables

A run's record, results/<name of its folder>.json, is result.json with the whole config and the error counts of each
evaluation. Runs of a variant of a config, as configs/augmentations.py:cpab, go to results/<config>/ and into a table of
their own. Benchmarks keep theirs in results/benchmarks/ by their own --output.
"""

import json
import pathlib
import statistics
from collections.abc import Mapping, Sequence

from absl import flags

from bigdeep import cli, experiment, writer
from bigdeep.errors import require

# Cireşan et al. 2010 (arXiv 1003.0358), table 1: error % at best validation, best test error %, hours on a GTX 280.
PAPER = {
    "mlp2": (0.49, 0.44, 23.4),
    "mlp3": (0.46, 0.40, 44.2),
    "mlp4": (0.41, 0.39, 66.7),
    "mlp5": (0.35, 0.32, 114.5),
    "mlp9": (0.44, 0.43, 107.7),
}
BEGIN, END = "<!-- {}, made by python -m bigdeep.results -->\n", "<!-- end -->"
ROWS = ("step", "epoch", "seconds", "train_loss", "train_error", "validation_errors", "test_errors")


def record(workdir: pathlib.Path) -> dict:
    """The record of a finished run."""
    path = workdir / "result.json"
    require(path.exists(), f"--add {workdir}", "no result.json", "the folder of a finished run")
    rows = [row for row in writer.read_rows(workdir / "metrics.jsonl") if "test_errors" in row]
    evaluations = [{key: row[key] for key in ROWS if key in row} for row in rows]
    values = experiment.read_config(workdir)["config"]
    return {**json.loads(path.read_text()), "values": values, "evaluations": evaluations}


def table(records: Mapping[str, Mapping]) -> str:
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
    lines = ["| whole step of | images/s | GFLOP/s | limit | share of limit | share of deformation | on |"]
    lines.append("|---|---|---|---|---|---|---|")
    for r in steps:
        name, rate = f"`{r['name']}`, batch {r['batch_size']}", f"{r['images_per_second']:,.0f}"
        shares = (f"{r['gflops']:.0f}", f"{r['limit']:.0f}", f"{r['ratio']:.2f}", f"{100 * r['augment_share']:.1f} %")
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


def with_tables(readme: str, runs: Mapping[str, Mapping], variants: Mapping, benchmarks: Mapping[str, Mapping]) -> str:
    """The README's text with the tables between their marks made anew."""
    tables = {"results": table(runs), "augmentations": comparison(variants)}
    tables |= {"speed": speed(benchmarks), "deformations": deformations(benchmarks)}
    for name, text in tables.items():
        begin = BEGIN.format(name)
        before, mark, rest = readme.partition(begin)
        require(mark and END in rest, "README.md", f"no marks of the table of {name}", f"{begin.strip()} and {END}")
        readme = before + begin + "\n" + text + "\n" + END + rest.partition(END)[2]
    return readme


def made(readme: str, folder: pathlib.Path) -> str:
    """The README's text with the tables of all records in a folder."""
    return with_tables(readme, read(folder), read(folder / "augmentations"), read(folder / "benchmarks"))


def read(folder: pathlib.Path) -> dict[str, dict]:
    """All records in a folder, by file name."""
    return {path.name: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def main() -> None:
    """Keeps the records of the runs that --add names and writes the tables."""
    folder, readme = pathlib.Path("results"), pathlib.Path("README.md")
    require(readme.exists(), "working folder", "no README.md", "the root of the checkout")
    for workdir in map(pathlib.Path, flags.FLAGS.add):
        new = record(workdir)
        commit, name = new["git_commit"], new["dataset"]["name"]
        require(name != "mnist-5k", f"--add {workdir}", f"a run on {name}", "one on a whole data set")
        require(
            commit and "+" not in commit, f"--add {workdir}", f"a run of commit {commit!r}", "one of a clean commit"
        )
        config, colon, _ = new["config"].partition(":")
        path = folder / (config if colon else "") / f"{workdir.name}.json"
        path.parent.mkdir(exist_ok=True)
        old = json.loads(path.read_text()) if path.exists() else new
        same = old["state_sha256"] == new["state_sha256"]
        require(same, f"--add {workdir}", f"the record of another run in {path}", "a folder whose name is still free")
        writer.write_json(path, new)
    readme.write_text(made(readme.read_text(), folder))


if __name__ == "__main__":
    flags.DEFINE_list("add", [], "folders of finished runs, with commas between them")
    cli.run(main, __doc__)
