"""Tables of runs that were made to choose a recipe, by held-out validation errors."""

from bigdeep.report.markdown import table
from bigdeep.report.records import Records
from bigdeep.run.progress import duration
from bigdeep.sections import differences


def search(records: Records) -> str:
    """A round of the search, in order: what each run changes against the first one, and its validation errors."""
    first = next(iter(records.values()))["values"]
    rows = []
    for path, r in records.items():
        errors = [row["validation_errors"] for row in r["evaluations"]]
        name = path.rpartition("/")[2].removesuffix(".json")
        changes = [line.removeprefix("config.") for line in differences(first, r["values"])]
        kept = [line for line in changes if not line.startswith(("name:", "seed:"))]
        rows.append(
            (
                f"[{name}](../results/{path})",
                "; ".join(kept).replace("|", "\\|"),
                f"**{errors[-1]}** of {r['validation_total']:,}",
                ", ".join(map(str, errors)),
                f"{100 * r['evaluations'][-1]['train_error']:.2f}",
                f"{r['epochs']}, {duration(r['seconds'])}",
            )
        )
    header = ("run", "against the first", "validation errors", "of all evaluations", "training error %", "epochs, time")
    return table(header, rows)


def rounds(records: Records) -> dict[str, Records]:
    """{"r1": records, …}: the runs of each round, whose file names begin with it."""
    found: dict[str, Records] = {}
    for path, record in records.items():
        found.setdefault(path.rpartition("/")[2].partition("-")[0], {})[path] = record
    return found
