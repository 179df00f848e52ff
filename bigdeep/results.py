r"""Published records, and the README's tables made of them: no figure is pasted by hand.

  python -m bigdeep.results --add=runs/mlp2,runs/mlp5    keeps the records of runs, then writes the tables
  python -m bigdeep.results                              only writes the tables

A run's record, results/<name of its folder>.json, is result.json with the whole config and the error counts of each
evaluation. Runs of a variant of a config, as configs/augmentations.py:cpab, go to results/<config>/. Runs that held out
validation images, made to choose a recipe, go to results/search/, without any figure of the test set, and into the lab
notebook's tables. A run that was stopped or exploded keeps its record in results/unfinished/. Benchmarks, committees
and speed-runs keep theirs in folders of their own by their own --output. The tables themselves: tables/.
"""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from bigdeep import cli, experiment, figures, tables, writer
from bigdeep.errors import require

README, NOTEBOOK = pathlib.Path("README.md"), pathlib.Path("docs/lab-notebook.md")
FIGURE = pathlib.Path("docs/error-against-time.png")
# Folders of records that are not single runs.
OTHERS = ("augmentations", "benchmarks", "committees", "fits", "mistakes", "search", "speedruns", "unfinished")
BEGIN, END = "<!-- {}, made by python -m bigdeep.results -->\n", "<!-- end -->"
ROWS = ("step", "epoch", "seconds", "train_loss", "train_error", "validation_errors", "test_errors", "test_total")


def record(workdir: pathlib.Path) -> dict:
    """The record of a run: of a finished one its result, of a stopped or exploded one how far it came."""
    stored, path = experiment.read_config(workdir), workdir / "result.json"
    rows = writer.read_rows(workdir / "metrics.jsonl")
    ended = json.loads(path.read_text()) if path.exists() else unfinished(workdir, stored, rows)
    evaluations = [{key: row[key] for key in ROWS if key in row} for row in rows if "test_errors" in row]
    whole = {**ended, "values": stored["config"], "evaluations": evaluations}
    return untested(whole) if stored["config"]["data"]["validation"] else whole


def unfinished(workdir: pathlib.Path, stored: Mapping, rows: Sequence[Mapping]) -> dict:
    """What stands in place of the result of a run that did not get to its end: its last row of metrics."""
    require(rows, f"--add {workdir}", "no row of metrics", "the folder of a run that trained")
    config, last = stored["config"], rows[-1]
    own = {"config": config["name"], "seed": config["seed"], "epochs": config["epochs"], "unfinished": True}
    kept = {key: last[key] for key in ("step", "epoch", "seconds", "train_loss", "images_per_second")}
    return {**own, **kept, "dataset": stored["dataset"], **stored.get("origin", {})}


def untested(value: Any) -> Any:
    """A record without what the test set says of the run."""
    if isinstance(value, Mapping):
        return {key: untested(item) for key, item in value.items() if "test_" not in key}
    return [untested(item) for item in value] if isinstance(value, list) else value


def place(workdir: pathlib.Path, record: Mapping) -> pathlib.Path:
    """Where the record of a run is kept, below results/."""
    config, colon, _ = record["config"].partition(":")
    folder = config if colon else ""
    if "unfinished" in record:
        folder = "unfinished"
    elif record["values"]["data"]["validation"]:
        folder = "search"
    return pathlib.Path(folder) / f"{workdir.name}.json"


def filled(text: str, made: Mapping[str, str], file: str) -> str:
    """A file's text with the tables between their marks made anew. made: {name of the table: Markdown}."""
    for name, table in made.items():
        begin = BEGIN.format(name)
        before, mark, rest = text.partition(begin)
        require(mark and END in rest, file, f"no marks of the table of {name}", f"{begin.strip()} and {END}")
        text = before + begin + "\n" + table + "\n" + END + rest.partition(END)[2]
    return text


def readme(text: str, folder: pathlib.Path) -> str:
    """The README's text with the tables of all records in a folder."""
    runs, benchmarks = read(folder), read(folder / "benchmarks")
    for variants in sorted(path for path in folder.iterdir() if path.is_dir() and path.name not in OTHERS):
        runs |= {f"{variants.name}/{name}": record for name, record in read(variants).items()}
    papers = of_the_paper(runs)
    made = {
        "results": tables.paper(papers),
        "committees": tables.committees(read(folder / "committees")),
        "speedruns": tables.speedruns(read(folder / "speedruns")),
        "nets": tables.nets({name: r for name, r in runs.items() if name not in papers}),
        "augmentations": tables.comparison(read(folder / "augmentations")),
        "deformations": tables.deformations(benchmarks),
        "peers": tables.peers(benchmarks),
        "speed": tables.speed(benchmarks),
        "unfinished": tables.unfinished(read(folder / "unfinished")),
    }
    return filled(text, made, "README.md")


def of_the_paper(runs: Mapping[str, Mapping]) -> dict[str, Mapping]:
    """The records of runs of the paper's five nets."""
    return {name: r for name, r in runs.items() if r["config"] in tables.PAPER}


def notebook(text: str, folder: pathlib.Path) -> str:
    """The lab notebook's text with a table for each round of its search: the runs whose names begin with it."""
    rounds: dict[str, dict] = {}
    for name, record in read(folder / "search").items():
        rounds.setdefault(name.partition("-")[0], {})[name] = record
    return filled(text, {f"round {name}": tables.search(runs) for name, runs in rounds.items()}, str(NOTEBOOK))


def read(folder: pathlib.Path) -> dict[str, dict]:
    """All records in a folder, by file name."""
    return {path.name: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def main() -> None:
    """Keeps the records of the runs that --add names and writes the tables."""
    folder = pathlib.Path("results")
    require(README.exists(), "working folder", "no README.md", "the root of the checkout")
    for workdir in map(pathlib.Path, flags.FLAGS.add):
        new = record(workdir)
        commit, name = new["git_commit"], new["dataset"]["name"]
        require(name != "mnist-5k", f"--add {workdir}", f"a run on {name}", "one on a whole data set")
        require(
            commit and "+" not in commit, f"--add {workdir}", f"a run of commit {commit!r}", "one of a clean commit"
        )
        path = folder / place(workdir, new)
        path.parent.mkdir(exist_ok=True)
        old = json.loads(path.read_text()) if path.exists() else new
        same = "unfinished" in old or old.get("state_sha256") == new.get("state_sha256")
        require(same, f"--add {workdir}", f"the record of another run in {path}", "a folder whose name is still free")
        writer.write_json(path, new)
    README.write_text(readme(README.read_text(), folder))
    NOTEBOOK.write_text(notebook(NOTEBOOK.read_text(), folder))
    if speedruns := read(folder / "speedruns"):
        figures.error_against_time(FIGURE, speedruns, of_the_paper(read(folder)))


if __name__ == "__main__":
    flags.DEFINE_list("add", [], "folders of runs, with commas between them")
    cli.run(main, __doc__)
