"""Tables of what was done to runs to harm them, and of whether devices agree in their bits."""

from bigdeep.report.markdown import table
from bigdeep.report.records import Records


def faults(records: Records) -> str:
    """How often each kind of fault was tried, a column a record, and how many runs were lost or wrong."""
    kinds = list(dict.fromkeys(kind for record in records.values() for kind in record["by_kind"]))
    counts = [(kind, *(str(record["by_kind"].get(kind, 0)) for record in records.values())) for kind in kinds]
    total = ("**all**", *(f"**{record['faults']}**" for record in records.values()))
    lost = ("**lost or wrong**", *(f"**{r['lost_or_wrong']} of {r['stories']} runs**" for r in records.values()))
    names = [f"[seed {record['seed']}](results/{path})" for path, record in records.items()]
    return table(("fault", *names), [*counts, total, lost])


def fixed_order(records: Records) -> str:
    """Whether the weights of runs with fixed_order_shards agree over numbers of devices, and the cost."""
    rows = [
        (
            f"`{record['name']}`",
            row["optimizer"],
            f"{row['steps']:,}",
            ", ".join(row["hashes"]),
            "the same" if row["same"] else "**different**",
            f"{row['cost']:.2f} ×",
        )
        for record in records.values()
        if record["benchmark"] == "fixed_order"
        for row in record["rows"]
    ]
    return table(("config", "optimizer", "steps", "on", "sha256 of all weights", "time"), rows)
