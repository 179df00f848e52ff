r"""Answers a question by experiment: runs what a study file asks for, and says by its rule which differences count.

  python -m bigdeep.study --study=rate_decay              runs what is missing, then writes table and figure
  python -m bigdeep.study --study=rate_decay --dry_run    how many runs, and about how long
  python -m bigdeep.study --study=rate_decay --only="linear to 0" --only=constant
  python -m bigdeep.study --study=rate_decay --parallel=2       two at a time; --executor=slurm: as a job array
  python -m bigdeep.study --study=rate_decay --shard=0/4  every fourth run, on each of four machines; then once without
  python -m bigdeep.study --list                          the studies there are, and their questions

A study file, configs/studies/NAME.py, defines get_study(smoke) -> a dict; configs/studies/rate_decay.py explains it.
Each run has a folder in runs/studies/NAME/, is resumed where it was stopped, and is never run twice. One that diverges
is recorded as such, and the others go on. Writes study.json, table.md and figure.png there.
"""

import json
import pathlib
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import jax
from absl import flags

from bigdeep import cli, configfile, programs, spread
from bigdeep import experiment as experiments
from bigdeep.errors import one_of, require, tell
from bigdeep.place import in_bucket, place
from bigdeep.report import figures
from bigdeep.report.tables import studies
from bigdeep.run import files, journal, machine, record
from bigdeep.run.progress import duration
from bigdeep.sections import plain

KEYS = {"question", "base", "overrides", "variations", "seeds", "measure", "baseline", "figure"}


def load(name: str) -> tuple[str, dict]:
    """(name, study) of FILE[:smoke]; FILE is a path or the name of a file in configs/studies/."""
    file, _, variant = name.partition(":")
    require(variant in ("", "smoke"), "--study: the variant", variant, "none, or smoke")
    path, module = configfile.study(file)
    require(hasattr(module, "get_study"), f"--study {path}", "no get_study", "a function get_study(smoke)")
    found = module.get_study(variant == "smoke")
    missing, more = sorted(KEYS - found.keys()), sorted(found.keys() - KEYS)
    require(not missing and not more, f"--study {path}", f"missing {missing}, unknown {more}", f"{sorted(KEYS)}")
    for named in (found["baseline"], *found["figure"].get("signal", ())):
        require(named in found["variations"], f"--study {path}", named, "one of its variations")
    return path.stem + (f"-{variant}" if variant else ""), found


def planned(name: str, study: Mapping, folder: pathlib.Path) -> list[spread.Planned]:
    """All runs of a study: the first seed of each variation, then the second of each, so that early ones compare."""
    runs = []
    for seed in range(study["seeds"]):
        for variation, overrides in study["variations"].items():
            config = configfile.load(overrides.get("base", study["base"]))
            both = {**study["overrides"], **{key: v for key, v in overrides.items() if key != "base"}, "seed": seed}
            for key, value in both.items():
                configfile.override(config, f"config.{key}", value if isinstance(value, str) else repr(value))
            workdir = folder / name / variation.replace("/", "-").replace(" ", "_") / f"seed{seed}"
            runs.append(spread.Planned(variation, seed, plain(config), workdir))
    return runs


def outcomes(runs: list[spread.Planned]) -> Iterator[dict]:
    """What each run that has ended came to: its errors, its curve, how long it took, or why it diverged."""
    for each in runs:
        result, failed = record.read_result(each.workdir), each.workdir / "failed.json"
        rows = journal.read_rows(each.workdir / "metrics.jsonl") if spread.ended(each) else []
        about = {"variation": each.variation, "seed": each.seed}
        if (each.workdir / FIRST_STEP).exists():
            about["gradients"] = _signal(json.loads((each.workdir / FIRST_STEP).read_text()), rows)
        if failed.exists():
            reached = rows[-1]["epoch"] if rows else 0.0
            yield about | {"failed": json.loads(failed.read_text())["reason"], "epoch": reached}
        elif result:
            yield about | _measured(result, rows, each.config["batch_size"])


MEASURED = ["validation_errors", "validation_total", "test_errors_at_best_validation", "test_errors_final"]
MEASURED += ["test_total", "seconds", "parameters", "state_sha256"]
CURVE = (
    "epoch",
    "images",
    "seconds",
    "train_loss",
    "train_error",
    "validation_errors",
    "test_errors",
    "gradient_norm",
    "update_ratio",
)


def _measured(result: Mapping, rows: list[dict], batch_size: int) -> dict:
    found: dict[str, Any] = {key: result[key] for key in MEASURED}
    seen = [{**row, "images": row["step"] * batch_size} for row in rows if "test_errors" in row]
    evaluated = [{key: row[key] for key in CURVE if key in row} for row in seen]
    last = rows[-1]["validation_errors"]
    rise = last - result["validation_errors"]
    return found | {"validation_errors_final": last, "validation_errors_rise": rise, "evaluations": evaluated}


FIRST_STEP = "first_step.json"  # in a run's folder, where a study asks how far the signal reaches


def _measure_first_step(each: spread.Planned) -> None:
    """Writes the metrics of layers in a run's first step alone, whose gradient is that of the initial weights."""
    if spread.ended(each) and not (each.workdir / FIRST_STEP).exists():
        tell(f"bigdeep: the first step of {each.variation}, seed {each.seed}, for the gradients of its initial weights")
        experiment = experiments.build(each.config)
        _, metrics = programs.compiled_steps(experiment)(experiments.initial_state(experiment), length=1)
        files.write_json(each.workdir / FIRST_STEP, journal.rounded_layers(metrics["layers"]))


def _signal(first: Mapping, rows: list[dict]) -> dict[str, list[float]]:
    """How far the back-propagated signal reaches: the norm of each layer's gradient, in the order of depth."""
    trained = [row["layers"] for row in rows if "layers" in row]  # a row that was lost and evaluated again has none
    return {"at initialisation": by_depth(first)} | ({"after training": by_depth(trained[-1])} if trained else {})


def by_depth(layers: Mapping) -> list[float]:
    """The norms of the gradients of layers with weights, norms and gates left out; the layer of outputs last.

    Of a committee one member's after another's.
    """

    def depth(name: str) -> tuple[int, bool, list[int]]:
        member = re.match("member([0-9]+)/", name)
        numbers = [int(number) for number in re.findall("[0-9]+", name)]
        return int(member[1]) if member else 0, "output" in name.split("/"), numbers

    weights = [name for name in sorted(layers, key=depth) if name.rpartition("/")[2] not in ("norm", "gate")]
    norms = [layers[name]["gradient_norm"] for name in weights if layers[name].get("gradient_norm") is not None]
    return [float(f"{norm:.3g}") for norm in norms]


def main() -> None:
    """Runs the study that the flags ask for."""
    options = flags.FLAGS
    if options.list:
        for name, study in _all():
            print(f"{name:<20} {study['question']}")
        return
    require(options.study, "--study", options.study, "a study, or --list")
    name, study = load(options.study)
    folder = place(options.folder)
    require(not in_bucket(folder), "--folder", options.folder, "a folder on a disk")
    runs = planned(name, study, folder)
    unknown = [each for each in options.only if each not in study["variations"]]
    require(not unknown, "--only", ", ".join(unknown), one_of(study["variations"], unknown[0] if unknown else ""))
    chosen = [each for each in runs if not options.only or each.variation in options.only][_shard(options.shard)]
    machine.prepare()
    if options.dry_run:
        _estimate(chosen)
        return
    if options.executor == "slurm" or options.parallel > 1:
        spread.over_processes(chosen, options.executor, options.parallel, folder / name)
    else:
        spread.run_all(chosen, spread.train)
    if study["figure"].get("signal"):
        for each in chosen:
            _measure_first_step(each)
    found = list(outcomes(runs))
    about = {"kind": "study", "study": name, "dataset": _dataset(runs), **{k: study[k] for k in KEYS - {"overrides"}}}
    whole = about | {"rule": studies.RULE, "overrides": study["overrides"], "runs": found} | machine.origin()
    where = folder / name
    files.write_json(where / "study.json", whole)
    table = studies.table(whole)
    files.write_text(where / "table.md", table)
    figures.study(where / "figure.png", whole)
    print(table)
    print(f"{len(found)} of {len(runs)} runs; {where / 'study.json'}, {where / 'figure.png'}")


def _shard(text: str) -> slice:
    found = re.fullmatch("([0-9]+)/([0-9]+)", text)
    i, n = map(int, found.groups()) if found else (0, 0)
    require(i < n, "--shard", text, "I/N with I from 0 to N - 1")
    return slice(i, None, n)


def _all() -> list[tuple[str, dict]]:
    return [load(path.stem) for path in configfile.studies()]


def _dataset(runs: list[spread.Planned]) -> str:
    stored = (record.stored_identity(each.workdir) for each in runs)
    return ", ".join(dict.fromkeys(each["dataset"]["name"] for each in stored if each))


def _estimate(runs: list[spread.Planned]) -> None:
    """Prints how many runs there are to do, and about how long they take, from a few timed steps of each base."""
    left = [each for each in runs if not spread.ended(each)]
    print(f"{len(left)} of {len(runs)} runs to do")
    finished = [record.read_result(each.workdir) for each in runs if spread.ended(each)]
    known = [result["seconds"] for result in finished if result]
    if known:
        print(f"about {duration(sum(known) / len(known) * len(left))}, as long as those that are done")
    elif left:
        seconds = _seconds(left[0].config)
        print(f"about {duration(seconds * len(left))} of training, by timed steps; some seconds more for each run")


def _seconds(config: Mapping) -> float:
    """About how long a run takes, by a chunk of its steps, compiled before."""
    experiment = experiments.build(config)
    plan, steps = experiment.plan, programs.compiled_steps(experiment)
    length = plan.chunk_length(0)
    state, _ = jax.block_until_ready(steps(experiments.initial_state(experiment), length=length))
    began = time.monotonic()
    jax.block_until_ready(steps(state, length=length))
    return (time.monotonic() - began) / length * plan.total_steps


if __name__ == "__main__":
    flags.DEFINE_string("study", "", "a study file, or the name of one in configs/studies; :smoke for its miniature")
    flags.DEFINE_string("folder", "runs/studies", "where its runs go")
    flags.DEFINE_multi_string("only", [], "one of its variations; can be given again")
    flags.DEFINE_enum("executor", "local", ["local", "slurm"], "where runs go: this machine, or Slurm by submitit")
    flags.DEFINE_integer("parallel", 1, "runs at a time, each a process of its own", lower_bound=1)
    flags.DEFINE_string("shard", "0/1", "I/N: every N-th run from the I-th on")
    flags.DEFINE_bool("dry_run", False, "say how many runs there are, and about how long they take, and end")
    flags.DEFINE_bool("list", False, "the studies there are, and end")
    cli.run(main, __doc__)
