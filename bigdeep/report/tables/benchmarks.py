"""Tables of benchmarks."""

from collections.abc import Mapping

from bigdeep.report.markdown import table
from bigdeep.report.records import Records


def _of(records: Records, benchmark: str) -> list[Mapping]:
    return [r for r in records.values() if r["benchmark"] == benchmark]


def speed(records: Records) -> str:
    """The training step beside the machine's limit, and start-up."""
    steps = [
        (
            f"`{r['name']}`, batch {r['batch_size']}",
            f"{r['images_per_second']:,.0f}",
            f"{r['gflops']:.0f}",
            f"{r['limit']:.0f}",
            f"{r['ratio']:.2f}",
            f"{r['limit_bfloat16']:.0f}, {r['ratio_bfloat16']:.2f}" if "limit_bfloat16" in r else "",
            f"{100 * r['augment_share']:.1f} %",
            f"{100 * r['diagnosis_share']:.1f} %" if "diagnosis_share" in r else "",
            r["device"],
        )
        for r in _of(records, "train_step")
    ]
    starts = [
        (
            f"`{r['name']}`",
            f"{r['cold_seconds']:.1f} s",
            f"{r['warm_seconds']:.1f} s",
            f"{r['peak_gigabytes']:.2f} GB",
            r["device"],
        )
        for r in _of(records, "startup")
    ]
    shares = ("share of limit", "of bfloat16", "share of deformation", "of diagnosis", "on")
    whole = table(("whole step of", "images/s", "GFLOP/s", "limit", *shares), steps)
    first = ("from the command to the first step of", "cold cache", "warm cache", "peak memory", "on")
    return f"{whole}\n{table(first, starts)}"


def deformations(records: Records) -> str:
    """The benchmark of deformations: a row per deformation, a column per library."""
    record: Mapping = next(iter(_of(records, "augment")), {"rates": []})
    rates = {(r["name"], r["library"]): r for r in record["rates"]}
    libraries = list(dict.fromkeys(library for _, library in rates if library != "bigdeep"))
    rows = []
    for name in dict.fromkeys(name for name, library in rates if library == "bigdeep"):
        ours = rates[name, "bigdeep"]
        others = [rates.get((name, library), {}).get("images_per_second") for library in libraries]
        cells = [f"`{name}`", f"**{ours['images_per_second']:,.0f}**", f"{100 * ours['step_share']:.1f} %"]
        rows.append(cells + [f"{rate:,.0f}" if rate else "" for rate in others])
    text = table(["images/s", "bigdeep", "share of an mlp5 step", *libraries], rows)
    return text + _best_peer(rates)


def _best_peer(rates: Mapping) -> str:
    """A sentence that sets the paper's mixture beside its limit and the fastest other library."""
    if ("paper", "bigdeep") not in rates:
        return ""
    ours = rates["paper", "bigdeep"]
    reached = f"The paper's mixture reaches {ours['ratio']:.2f} of its limit, {ours['limit']:,.0f} images/s"
    others = [r["images_per_second"] for (name, _), r in rates.items() if name == "paper" and r is not ours]
    beside = f", {ours['images_per_second'] / max(others):.0f} times the fastest other library" if others else ""
    return f"\n{reached}{beside}.\n"


def peers(records: Records) -> str:
    """The benchmark of nets beside PyTorch."""
    rows = []
    for record in _of(records, "nets"):
        for r in record["rates"]:
            images = r["images_per_second"]
            rates = (f"**{images['bigdeep']:,.0f}**", f"{images['torch']:,.0f}", f"{images['torch.compile']:,.0f}")
            measured = (f"{r['ratio']:.2f}", f"{r['share']:.2f}", f"{r['compile_seconds']:.0f} s")
            rows.append((f"`{r['name']}`, batch {r['batch_size']}", *rates, *measured, record["device"]))
    beside = ("PyTorch", "PyTorch, compiled", "times the faster one", "share of limit", "to compile", "on")
    return table(("training step of", "bigdeep, images/s", *beside), rows)


def stream(records: Records) -> str:
    """Training sets that stay on the host: steps of a net beside those on the device, and whole runs on a folder."""
    texts = []
    for r in _of(records, "stream"):
        rates, folder = r["images_per_second"], r["folder"]
        first = next(iter(rates.values()))
        rows = [(place, f"{rate:,.0f}", f"{rate / first:.2f}") for place, rate in rates.items()]
        texts.append(table(("the training set lies", "images/s", "of the first"), rows))
        runs = [
            (
                f"{run['workers']} workers" if run["workers"] else "on the device",
                f"{run['seconds_to_first_row']:.0f} s",
                f"{run['images_per_second']:,.0f}",
                f"{run['megabytes']:,} MB",
            )
            for run in folder["runs"]
        ]
        what = f"{folder['pictures']:,} pictures, {folder['megabytes']:,} MB"
        texts.append(
            table((what, "to the first row of metrics", "images/s at the end", "most memory of its own"), runs)
        )
    return "\n".join(texts)
