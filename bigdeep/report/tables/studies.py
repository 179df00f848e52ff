"""Tables of studies: each variation over its seeds, and which differences count."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bigdeep.report.markdown import table as markdown
from bigdeep.report.records import Records
from bigdeep.run.progress import duration

ERRORS = 2.0  # standard errors that a mean difference has to exceed
RULE = "a mean difference from the baseline, paired over seeds, counts beyond two standard errors; settled beforehand"


class Difference(NamedTuple):
    """Of a variation from the baseline, paired over their common seeds: mean, its standard error, how many pairs."""

    mean: float
    error: float
    pairs: int

    @property
    def counts(self) -> bool:
        """Whether it exceeds two standard errors; of fewer than two pairs nothing does."""
        return self.pairs > 1 and abs(self.mean) > ERRORS * self.error


def rate(run: Mapping, measure: str) -> float | None:
    """What a study measures of a run, in percent: an error count over its split; None for a run that failed."""
    if "failed" in run:
        return None
    total = run["validation_total" if measure.startswith("validation") else "test_total"]
    return 100 * run[measure] / total


def values(study: Mapping, variation: str) -> dict[int, float]:
    """{seed: what is measured} of the runs of a variation that did not fail."""
    rates = {run["seed"]: rate(run, study["measure"]) for run in study["runs"] if run["variation"] == variation}
    return {seed: value for seed, value in rates.items() if value is not None}


def difference(study: Mapping, variation: str) -> Difference:
    """A variation less the baseline, seed by seed."""
    own, base = values(study, variation), values(study, study["baseline"])
    pairs = [own[seed] - base[seed] for seed in sorted(own.keys() & base.keys())]
    if not pairs:
        return Difference(math.nan, math.nan, 0)
    error = statistics.stdev(pairs) / math.sqrt(len(pairs)) if len(pairs) > 1 else math.nan
    return Difference(statistics.mean(pairs), error, len(pairs))


def verdict(study: Mapping, variation: str) -> str:
    """What the rule says, in words."""
    if variation == study["baseline"]:
        return "the baseline"
    found = difference(study, variation)
    if found.pairs < 2:
        return "too few runs"
    words = ("better" if found.mean < 0 else "worse") if found.counts else "no difference that counts"
    return f"{found.mean:+.2f} ± {found.error:.2f}: {words}"


SIGNAL = ("at initialisation", "after training")  # when the gradients of layers are measured


def table(study: Mapping) -> str:
    """A row for each variation: mean ± standard deviation over its seeds, the verdict, time.

    Where the study's figure has "signal", also the smallest and the largest gradient of a layer, over all seeds, of the
    initial weights and of the last row of metrics.
    """
    rows = []
    for variation in study["variations"]:
        runs = [run for run in study["runs"] if run["variation"] == variation]
        found = list(values(study, variation).values())
        failed = len(runs) - len(found)
        seeds = f"{len(found)}" + (f", {failed} diverged" if failed else "")
        seconds = [run["seconds"] for run in runs if "seconds" in run]
        time = duration(statistics.mean(seconds)) if seconds else ""
        signal = [_signal(runs, when) for when in SIGNAL] if study["figure"].get("signal") else []
        rows.append((variation, _spread(found), seeds, verdict(study, variation), *signal, time))
    header = ["variation", f"{study['measure'].replace('_', ' ')}, %", "seeds", "against the baseline"]
    header += [f"gradients of layers {SIGNAL[0]}", SIGNAL[1]] if study["figure"].get("signal") else []
    return markdown((*header, "time"), rows)


def _signal(runs: Sequence[Mapping], when: str) -> str:
    """The smallest and the largest norm of a layer's gradient; "?" where none got so far."""
    known = [norm for run in runs for norm in run.get("gradients", {}).get(when, [])]
    return f"{min(known):.0e} to {max(known):.0e}" if known else "?"


def _spread(found: Sequence[float]) -> str:
    if not found:
        return "–"
    return f"{statistics.mean(found):.2f}" + (f" ± {statistics.stdev(found):.2f}" if len(found) > 1 else "")


def tables(records: Records) -> dict[str, str]:
    """{study: its table} of published records."""
    return {study["study"]: table(study) for study in records.values()}
