"""Tables of committees, and of who wrote what nets misread."""

from collections import Counter
from collections.abc import Mapping

from bigdeep.report.markdown import table
from bigdeep.report.records import Records


def committees(records: Records) -> str:
    """Committees: each member alone, all together, and with deformed copies where averaged."""
    rows = []
    for path, r in records.items():
        if "by_writer" in r or "model" in r["members"][0] or "test_errors" not in r:
            continue
        total = r["test_total"] / 100
        members = Counter(member["config"] for member in r["members"])
        name = path.rpartition("/")[2].removesuffix(".json")
        rows.append(
            (
                f"[{name}](results/{path})",
                ", ".join(f"{count} `{net}`" for net, count in members.items()),
                ", ".join(f"{member['test_errors'] / total:.2f}" for member in r["members"]),
                f"**{r['test_errors'] / total:.2f}**",
                " + ".join(map(str, r["test_errors_halves"])),
                f"{r['averaged_test_errors'] / total:.2f} ({r['copies']} copies)" if "copies" in r else "",
            )
        )
    header = ("committee", "of", "members alone %", "**together %**", "each half", "averaged over copies %")
    return table(header, rows)


def columns(records: Records) -> str:
    """FractalNets' columns, each alone."""
    rows = [
        (
            f"`{r['members'][0]['config']}`",
            f"[{r['members'][0]['model']['column']}](results/{path})",
            f"{100 * r['test_errors'] / r['test_total']:.2f}",
            " + ".join(map(str, r["test_errors_halves"])),
        )
        for path, r in records.items()
        if "column" in r["members"][0].get("model", {}) and "test_errors" in r
    ]
    return table(("net", "column", "error %", "each half"), rows)


def members(records: Records, runs: Records) -> str:
    """Committees that one run trained: each member alone, as `evaluate` records it, beside all together.

    runs: those that trained them, records of speed-runs.
    """
    alone: dict[str, dict[int, Mapping]] = {}
    for r in records.values():
        first, *others = r["members"]
        if first.get("model", {}).get("member") and not others and "test_errors" in r:
            alone.setdefault(first["state_sha256"], {})[first["model"]["member"]] = r
    rows = []
    for r in sorted(runs.values(), key=lambda r: (r["config"], r["seed"])):
        if each := alone.get(r["state_sha256"]):
            errors = ", ".join(f"{100 * each[k]['test_errors'] / each[k]['test_total']:.2f}" for k in sorted(each))
            together = 100 * r["test_errors_at_best_validation"] / r["test_total"]
            rows.append((f"`{r['config']}`, seed {r['seed']}", errors, f"**{together:.2f}**"))
    return table(("run", "members alone %", "**together %**"), rows)


def hands(records: Records) -> str:
    """From how many hands the errors come, of records by writer."""
    rows = []
    for path, r in records.items():
        if "by_writer" in r and "test_errors" in r:
            name = path.rpartition("/")[2].removesuffix(".json")
            series = {s: f"{errors} of {images:,}" for s, (errors, images) in r["by_series"].items()}
            several = sum(errors for _, errors, _ in r["by_writer"] if errors > 1)
            hands = f"{len(r['by_writer'])} of {r['writers']}"
            most = ", ".join(f"{errors} (of {images})" for _, errors, images in r["by_writer"][:3])
            cells = (str(r["test_errors"]), series.get("4", ""), series.get("0", ""), hands, str(several), most)
            rows.append((f"[{name}](results/{path})", *cells))
    header = (
        "net",
        "errors",
        "students",
        "employees",
        "hands with errors",
        "errors by hands with several",
        "most by a hand",
    )
    return table(header, rows)
