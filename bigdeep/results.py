r"""Published records, and the README's tables made of them: no figure is pasted by hand.

  python -m bigdeep.results --add=runs/mlp2,runs/mlp5    keeps the records of finished runs, then writes the tables
  python -m bigdeep.results                              only writes the tables

A run's record, results/<name of its folder>.json, is result.json with the whole config and the error counts of each
evaluation. Runs of a variant of a config, as configs/augmentations.py:cpab, go to results/<config>/.
Benchmarks keep theirs in results/benchmarks/ by their own --output. The tables themselves: tables.py.
"""

import json
import pathlib
from collections.abc import Mapping

from absl import flags

from bigdeep import cli, experiment, tables, writer
from bigdeep.errors import require

# Folders of records that are not single runs.
OTHERS = ("augmentations", "benchmarks", "fits")
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


def with_tables(readme: str, runs: Mapping[str, Mapping], variants: Mapping, benchmarks: Mapping[str, Mapping]) -> str:
    """The README's text with the tables between their marks made anew."""
    papers = {name: r for name, r in runs.items() if r["config"] in tables.PAPER}
    made = {"results": tables.paper(papers), "augmentations": tables.comparison(variants)}
    made |= {"nets": tables.nets({name: r for name, r in runs.items() if name not in papers})}
    made |= {"speed": tables.speed(benchmarks), "deformations": tables.deformations(benchmarks)}
    made |= {"peers": tables.peers(benchmarks)}
    for name, text in made.items():
        begin = BEGIN.format(name)
        before, mark, rest = readme.partition(begin)
        require(mark and END in rest, "README.md", f"no marks of the table of {name}", f"{begin.strip()} and {END}")
        readme = before + begin + "\n" + text + "\n" + END + rest.partition(END)[2]
    return readme


def made(readme: str, folder: pathlib.Path) -> str:
    """The README's text with the tables of all records in a folder."""
    runs = read(folder)
    for variants in sorted(path for path in folder.iterdir() if path.is_dir() and path.name not in OTHERS):
        runs |= {f"{variants.name}/{name}": record for name, record in read(variants).items()}
    return with_tables(readme, runs, read(folder / "augmentations"), read(folder / "benchmarks"))


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
