"""The texts of this checkout with their tables made anew from the records: README, RESULTS.md, the lab notebook."""

import pathlib

from bigdeep.report import records
from bigdeep.report.markdown import filled
from bigdeep.report.tables import benchmarks, committees, faults, mistakes, nets, search, studies


def pages(root: pathlib.Path) -> dict[pathlib.Path, str]:
    """{file: its text} for the checkout in `root`."""
    results = root / "results"
    runs, timed = records.read(results, "run"), records.read(results, "benchmark")
    augmentations = {path: r for path, r in runs.items() if r["config"].startswith("augmentations:")}
    others = runs.keys() - nets.of_the_paper(runs).keys() - augmentations.keys()
    rounds = search.rounds(records.read(results, "search"))
    answered, judged, speedruns = (records.read(results, kind) for kind in ("study", "committee", "speedrun"))
    tables = {
        "README.md": {"summary": nets.summary(runs)},
        "RESULTS.md": {
            "results": nets.paper(runs),
            "committees": committees.committees(judged),
            "members": committees.members(judged, speedruns),
            "columns": committees.columns(judged),
            "hands": committees.hands(judged),
            "shared mistakes": mistakes.shared(records.read(results, "mistakes")),
            "speedruns": nets.speedruns(speedruns),
            "nets": nets.nets({path: r for path, r in runs.items() if path in others}),
            "augmentations": nets.comparison(augmentations),
            "unfinished": nets.unfinished(records.read(results, "unfinished")),
            "deformations": benchmarks.deformations(timed),
            "peers": benchmarks.peers(timed),
            "speed": benchmarks.speed(timed),
            "stream": benchmarks.stream(timed),
            "faults": faults.faults(records.read(results, "faults")),
            "fixed order": faults.fixed_order(timed),
        },
        "docs/studies.md": {f"study {name}": made for name, made in studies.tables(answered).items()},
        "docs/lab-notebook.md": {f"round {name}": search.search(runs) for name, runs in rounds.items()},
    }
    return {root / file: filled((root / file).read_text("utf-8"), made, file) for file, made in tables.items()}
