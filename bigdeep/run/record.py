"""What a run folder says of itself, as JSON: config.json, result.json, the best row of metrics. No JAX."""

import hashlib
import json
import pathlib
from collections.abc import Mapping, Sequence

from bigdeep.run import files


def stored_identity(workdir: pathlib.Path) -> dict | None:
    """What config.json says; None where it was never written, is lost, or is not what a run writes."""
    record = _json(workdir / "config.json")
    return record if {"config", "dataset"} <= record.keys() else None


def write_result(workdir: pathlib.Path, result: Mapping) -> None:
    """Writes result.json, sealed by a sha256 of what it says."""
    files.write_json(workdir / "result.json", {**result, "seal": _seal(result)})


def read_result(workdir: pathlib.Path) -> dict:
    """result.json of a run folder; {} where the run has not finished, or the file is no longer what was written."""
    result = _json(workdir / "result.json")
    return result if result.pop("seal", None) == _seal(result) else {}


def _seal(result: Mapping) -> str:
    return hashlib.sha256(json.dumps(result, sort_keys=True).encode()).hexdigest()


def _json(path: pathlib.Path) -> dict:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def best_row(rows: Sequence[Mapping]) -> Mapping | None:
    """The row of metrics with the fewest validation errors, the latest of equals; test errors do not count."""
    return min(
        (r for r in rows if "validation_errors" in r), key=lambda r: (r["validation_errors"], -r["step"]), default=None
    )
