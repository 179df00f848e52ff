"""Published records in results/: what kinds there are, where each lies, what is refused."""

import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any

from bigdeep.errors import require

# Where records of a kind lie; {config} is the stem of the config's file.
FOLDERS = {
    "run": "runs/{config}",
    "speedrun": "runs/{config}",
    "unfinished": "runs/{config}",
    "mistakes": "runs/{config}",
    "search": "search",
    "study": "studies",
    "committee": "committees",
    "benchmark": "benchmarks",
    "fit": "fits",
    "faults": "faults",
}

Records = dict[str, dict]


def read(results: pathlib.Path, *kinds: str) -> Records:
    """{path below results/: record} of all records of these kinds."""
    records = {}
    for path in sorted(results.rglob("*.json"), key=_numerically):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["kind"] in kinds:
            records[str(path.relative_to(results))] = record
    return records


def _numerically(path: pathlib.Path) -> list:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", str(path))]


def place(record: Mapping, name: str) -> pathlib.Path:
    """Where a record of this name lies, below results/."""
    members = [*record.get("members", ()), {}]
    config = record.get("config") or members[0].get("config") or ""
    return pathlib.Path(FOLDERS[record["kind"]].format(config=config.partition(":")[0]), f"{name}.json")


def check(record: Mapping, source: str) -> None:
    """Refuses what cannot be published: of an unknown kind, of an unclean commit, not of a whole data set."""
    kind, commit, dataset = record.get("kind"), record.get("git_commit"), record.get("dataset")
    require(kind in FOLDERS, source, f"the kind {kind!r}", f"one of {', '.join(FOLDERS)}")
    name = dataset["name"] if isinstance(dataset, Mapping) else dataset
    require(name != "mnist-5k", source, f"a record of {name}", "one of a whole data set")
    clean = commit and re.fullmatch("[0-9a-f]+", commit)
    require(clean, source, f"a record of commit {commit!r}", "one of a clean commit")


def untested(value: Any) -> Any:
    """A record without what the test set says of the run."""
    if isinstance(value, Mapping):
        return {key: untested(item) for key, item in value.items() if "test_" not in key}
    return [untested(item) for item in value] if isinstance(value, list) else value
