r"""Publishes records: copies them to results/ and writes the tables and the figure that are made of them.

  python -m bigdeep.tools.publish --add=runs/mlp2,runs/mlp5      the records of runs, by their folders
  python -m bigdeep.tools.publish --add=runs/train_step.json     a record that a command wrote with --output
  python -m bigdeep.tools.publish --add=runs/studies/X/study.json --as=X      a study's record
  python -m bigdeep.tools.publish                                only writes the tables

Only records of clean commits and whole data sets are taken, and none takes the place of another run's. A run's record
is result.json with the whole config and the error counts of each evaluation. Runs that held out validation images, made
to choose a recipe, become records of the search, without any figure of the test set. A run that was stopped or exploded
becomes one that says how far it came. --as=NAME names the record otherwise than its folder or file. In the root of a
checkout only.
"""

import json
import pathlib
from collections.abc import Mapping, Sequence

from absl import flags

from bigdeep import cli
from bigdeep.errors import require
from bigdeep.report import figures, pages, records
from bigdeep.report.tables import nets
from bigdeep.run import files, folder, journal

FIGURE, STUDIES = pathlib.Path("docs/error-against-time.png"), pathlib.Path("docs/studies")
ROWS = ("step", "epoch", "seconds", "train_loss", "train_error", "validation_errors", "test_errors", "test_total")


def run_record(workdir: pathlib.Path) -> dict:
    """The record of a run: of a finished one its result, of a stopped or exploded one how far it came."""
    stored, result = folder.read_config(workdir), folder.read_result(workdir)
    rows = journal.read_rows(workdir / "metrics.jsonl")
    evaluations = [{key: row[key] for key in ROWS if key in row} for row in rows if "test_errors" in row]
    ended = result or _unfinished(workdir, stored, rows)
    whole = {**ended, "values": stored["config"], "evaluations": evaluations}
    searching = result and stored["config"]["data"]["validation"] != "train"
    return records.untested({**whole, "kind": "search"}) if searching else whole


def _unfinished(workdir: pathlib.Path, stored: Mapping, rows: Sequence[Mapping]) -> dict:
    """What stands in place of the result of a run that did not reach its end: its last row of metrics."""
    require(rows, f"--add {workdir}", "no row of metrics", "the folder of a run that trained")
    config, last = stored["config"], rows[-1]
    about = {"kind": "unfinished", "config": config["name"], "seed": config["seed"], "epochs": config["epochs"]}
    reached = {key: last[key] for key in ("step", "epoch", "seconds", "train_loss", "images_per_second")}
    return {**about, **reached, "dataset": stored["dataset"], **stored.get("origin", {})}


def add(source: pathlib.Path, name: str, results: pathlib.Path) -> pathlib.Path:
    """Takes the record of a run folder or a record's file into results/; returns where it lies."""
    record = run_record(source) if source.is_dir() else json.loads(source.read_text(encoding="utf-8"))
    records.check(record, f"--add {source}")
    path = results / records.place(record, name)
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else record
    same = old["kind"] in ("unfinished", "benchmark", "fit", "faults", "study") or all(
        old.get(key) == record.get(key) for key in ("state_sha256", "members")
    )
    require(same, f"--add {source}", f"the record of another run in {path}", "a name that is still free, by --as")
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(path, record)
    return path


def main() -> None:
    """Keeps the records that --add names and writes what is made of all of them."""
    root = pathlib.Path()
    require((root / "RESULTS.md").exists(), "working folder", "no RESULTS.md", "the root of the checkout")
    sources = [pathlib.Path(source) for source in flags.FLAGS.add]
    names = [flags.FLAGS["as"].value or source.stem for source in sources]
    require(len(set(names)) == len(names), "--as", names[0] if names else "", "one record at a time, to be named")
    for source, name in zip(sources, names, strict=True):
        print(add(source, name, root / "results"))
    for path, text in pages.pages(root).items():
        files.write_text(path, text)
    speedruns, runs = (records.read(root / "results", kind) for kind in ("speedrun", "run"))
    figures.error_against_time(FIGURE, speedruns, nets.of_the_paper(runs))
    for record in records.read(root / "results", "study").values():
        STUDIES.mkdir(exist_ok=True)
        figures.study(STUDIES / f"{record['study']}.png", record)


if __name__ == "__main__":
    flags.DEFINE_list("add", [], "folders of runs or files of records, with commas between them")
    flags.DEFINE_string("as", "", "what the record is to be called")
    cli.run(main, __doc__)
