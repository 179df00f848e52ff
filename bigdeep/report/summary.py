"""What a finished run says on the terminal."""

import pathlib

from bigdeep import sections
from bigdeep.report.run import Run
from bigdeep.run.progress import duration


def text(workdir: pathlib.Path) -> str:
    """Error, what its source has, time, where the report lies, what to do next."""
    run = Run(workdir)
    result = run.result
    errors, total = result["test_errors_at_best_validation"], result["test_total"]
    halves = " + ".join(f"{half:,}" for half in result["test_errors_halves"])
    wrong = f"{errors:,} of {total:,} ({halves} in the halves)"
    lines = [f"{100 * errors / total:.2f} % test error: {wrong}, at best validation"]
    lines += [f"source       {run.expected()}"] if run.expected() else []
    if run.dataset["name"] == "mnist-5k":
        lines.append("data         5,000 digits, not MNIST: the figure cannot be compared with any of MNIST's")
    seconds, speed = result["seconds"], result["images_per_second"]
    lines.append(f"time         {duration(seconds)}, {speed:,.0f} images/s")
    lines.append(f"report       {workdir / 'report.html'}")
    lines.append(f"next         python -m bigdeep.predict --workdir={workdir} IMAGE…")
    layered = all(net["name"] in ("mlp", "stack") for net in sections.nets(run.config["model"]))
    format = "onnx" if layered else "stablehlo"  # which takes every net
    lines.append(f"             python -m bigdeep.export --workdir={workdir} --format={format}")
    return "\n".join(lines)
