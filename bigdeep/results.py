r"""Published records, and the README's table made of them: no figure is pasted by hand.

  python -m bigdeep.results --add=runs/mlp2,runs/mlp5    keeps the records of finished runs, then writes the table
  python -m bigdeep.results                              only writes the table

A record is result.json with the whole config and the error counts of each evaluation.
"""

import json
import pathlib
from collections.abc import Mapping

from absl import flags

from bigdeep import cli, evaluate, writer
from bigdeep.errors import require

# Cireşan et al. 2010 (arXiv 1003.0358), table 1: error % at best validation, best test error %, hours on a GTX 280.
PAPER = {
    "mlp2": (0.49, 0.44, 23.4),
    "mlp3": (0.46, 0.40, 44.2),
    "mlp4": (0.41, 0.39, 66.7),
    "mlp5": (0.35, 0.32, 114.5),
    "mlp9": (0.44, 0.43, 107.7),
}
BEGIN, END = "<!-- made by python -m bigdeep.results -->\n", "<!-- end -->"
ROWS = ("step", "epoch", "seconds", "train_loss", "validation_errors", "test_errors")


def record(workdir: pathlib.Path) -> dict:
    """The record of a finished run."""
    path = workdir / "result.json"
    require(path.exists(), f"--add {workdir}", "no result.json", "the folder of a finished run")
    rows = [row for row in writer.read_rows(workdir / "metrics.jsonl") if "test_errors" in row]
    evaluations = [{key: row[key] for key in ROWS} for row in rows]
    values = evaluate.read_config(workdir)
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


def with_table(readme: str, records: Mapping[str, Mapping]) -> str:
    """The README's text with the table between its two marks made anew."""
    before, mark, rest = readme.partition(BEGIN)
    require(mark and END in rest, "README.md", "no marks of the table", f"{BEGIN.strip()} and {END}")
    return before + BEGIN + "\n" + table(records) + "\n" + END + rest.partition(END)[2]


def read(folder: pathlib.Path) -> dict[str, dict]:
    """All records in a folder, by file name."""
    return {path.name: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def main() -> None:
    """Keeps the records of the runs that --add names and writes the table."""
    folder, readme = pathlib.Path("results"), pathlib.Path("README.md")
    require(readme.exists(), "working folder", "no README.md", "the root of the checkout")
    for workdir in map(pathlib.Path, flags.FLAGS.add):
        new = record(workdir)
        require(
            new["dataset"]["name"] != "mnist-5k", f"--add {workdir}", "a run on mnist-5k", "one on a whole data set"
        )
        writer.write_json(folder / f"{new['config']}-seed{new['seed']}.json", new)
    readme.write_text(with_table(readme.read_text(), read(folder)))


if __name__ == "__main__":
    flags.DEFINE_list("add", [], "folders of finished runs, with commas between them")
    cli.run(main, __doc__)
