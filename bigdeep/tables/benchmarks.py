"""Tables of benchmarks."""

from collections.abc import Mapping


def speed(records: Mapping[str, Mapping]) -> str:
    """Two Markdown tables of benchmark records: the training step beside the machine's limit, and start-up."""
    steps = [r for _, r in sorted(records.items()) if r["benchmark"] == "train_step"]
    starts = [r for _, r in sorted(records.items()) if r["benchmark"] == "startup"]
    lines = [
        "| whole step of | images/s | GFLOP/s | limit | share of limit | share of deformation | of diagnosis | on |"
    ]
    lines.append("|---" * 8 + "|")
    for r in steps:
        name, rate = f"`{r['name']}`, batch {r['batch_size']}", f"{r['images_per_second']:,.0f}"
        shares = (f"{r['gflops']:.0f}", f"{r['limit']:.0f}", f"{r['ratio']:.2f}", f"{100 * r['augment_share']:.1f} %")
        shares += (f"{100 * r['diagnosis_share']:.1f} %" if "diagnosis_share" in r else "",)
        lines.append(f"| {' | '.join((name, rate, *shares, r['device']))} |")
    lines += ["", "| from the command to the first step of | cold cache | warm cache | peak memory | on |"]
    lines.append("|---|---|---|---|---|")
    for r in starts:
        name = f"`{r['name']}`"
        times = (f"{r['cold_seconds']:.1f} s", f"{r['warm_seconds']:.1f} s", f"{r['peak_gigabytes']:.2f} GB")
        lines.append(f"| {' | '.join((name, *times, r['device']))} |")
    return "\n".join(lines) + "\n"


def deformations(records: Mapping[str, Mapping]) -> str:
    """A Markdown table of the benchmark of deformations: a row a deformation, a column a library."""
    record = records.get("augment.json", {"rates": []})
    rates = {(r["name"], r["library"]): r for r in record["rates"]}
    libraries = list(dict.fromkeys(library for _, library in rates if library != "bigdeep"))
    header = ["images/s", "bigdeep", "share of an mlp5 step", *libraries]
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    for name in dict.fromkeys(name for name, library in rates if library == "bigdeep"):
        ours = rates[name, "bigdeep"]
        others = [rates.get((name, library), {}).get("images_per_second") for library in libraries]
        cells = [f"`{name}`", f"**{ours['images_per_second']:,.0f}**", f"{100 * ours['step_share']:.1f} %"]
        lines.append(f"| {' | '.join(cells + [f'{rate:,.0f}' if rate else '' for rate in others])} |")
    if paper := rates.get(("paper", "bigdeep")):
        reached = f"The paper's mixture reaches {paper['ratio']:.2f} of its limit, {paper['limit']:,.0f} images/s"
        others = [
            rate["images_per_second"] for (name, _), rate in rates.items() if name == "paper" and rate is not paper
        ]
        beside = f", {paper['images_per_second'] / max(others):.0f} times the fastest other library" if others else ""
        lines += ["", f"{reached}{beside}."]
    return "\n".join(lines) + "\n"


def peers(records: Mapping[str, Mapping]) -> str:
    """A Markdown table of the benchmark of nets beside PyTorch."""
    record = records.get("nets.json", {"rates": []})
    lines = [
        "| training step of | bigdeep, images/s | PyTorch | PyTorch, compiled | times the faster one | on |",
        "|---" * 6 + "|",
    ]
    for r in record["rates"]:
        images = r["images_per_second"]
        rates = (f"**{images['bigdeep']:,.0f}**", f"{images['torch']:,.0f}", f"{images['torch.compile']:,.0f}")
        cells = (f"`{r['name']}`, batch {r['batch_size']}", *rates, f"{r['ratio']:.2f}", record["device"])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
