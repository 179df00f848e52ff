"""The run: build, restore, loop over chunks, evaluate, log, save. The only place where I/O and JAX meet."""

import contextlib
import hashlib
import json
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from bigdeep import checkpoint, evaluate, experiment, optim, program, runtime, writer
from bigdeep.checkpoint import Store
from bigdeep.config import differences
from bigdeep.errors import BadInput, Failed, Stopped, require
from bigdeep.experiment import Experiment
from bigdeep.step import State
from bigdeep.writer import Journal


class _Clock:
    """Seconds of the whole run, over all its resumes, and images/s between restarts."""

    def __init__(self) -> None:
        self._start = self._lap = self._save = time.monotonic()

    def resume(self, rows: Sequence[Mapping]) -> None:
        self._start -= rows[-1]["seconds"] if rows else 0.0
        self.restart()

    def seconds(self) -> float:
        return round(time.monotonic() - self._start, 2)

    def restart(self) -> None:
        self._lap = time.monotonic()

    def rate(self, images: int) -> float:
        """Images per second since the last restart or rate."""
        before, self._lap = self._lap, time.monotonic()
        return round(images / (self._lap - before), 1)

    def saved(self) -> None:
        self._save = time.monotonic()

    def since_save(self) -> float:
        return time.monotonic() - self._save


def run(config: Mapping, workdir: str, *, force_resume: bool = False) -> dict:
    """Trains what the config says in workdir, from its newest checkpoint if it holds one; returns the result.

    Raises BadInput before anything is trained, Stopped after a signal with everything saved, and Failed when the
    loss is not finite or the disk is full, with the checkpoints so far kept.
    """
    clock, folder = _Clock(), pathlib.Path(workdir)
    with runtime.signals() as received:
        built = experiment.build(config)
        origin = {"device": runtime.device(), "versions": runtime.versions(), "git_commit": runtime.git_commit()}
        with runtime.claim(folder), contextlib.closing(checkpoint.Store(folder / "checkpoints")) as store:
            agreed = _agree(folder, built, force_resume)
            state = store.restore(experiment.abstract_state(built))
            state = program.initial_state(built) if state is None else state
            at = int(state.step)
            require(
                at <= built.total_steps,
                f"--workdir {folder}",
                f"a run at step {at}",
                f"one of {built.total_steps} steps",
            )
            if agreed and at == built.total_steps and (folder / "result.json").exists():
                return json.loads((folder / "result.json").read_text())
            journal = writer.Journal(folder / "metrics.jsonl", at)
            (folder / "result.json").unlink(missing_ok=True)
            writer.write_json(folder / "config.json", _identity(built) | {"origin": origin})
            clock.resume(journal.rows)
            try:
                state = _train(built, state, store, journal, clock, received)
            except _Exploded as error:
                raise Failed(_explanation(error, built, store, journal)) from None
            result = _result(built, state, journal.rows, clock.seconds()) | origin
            writer.write_json(folder / "result.json", result)
            return result


class _Exploded(Exception):
    """A metric, its value that is not finite, and the step, from 0, in which it was first seen."""


def _explanation(error: _Exploded, built: Experiment, store: Store, journal: Journal) -> str:
    """One line: what exploded when, which layer's what grew first, and what usually helps."""
    name, value, step = error.args
    store.close()
    state = checkpoint.Store(store.folder).restore(experiment.abstract_state(built))
    state = program.initial_state(built) if state is None else state
    kept = "checkpoints from before it are kept" if store.steps() else "no checkpoint had been written"
    return (
        f"{name} is {value} in step {step}; {program.explosion(built, state, journal.rows, step)}; {kept}; "
        "what usually helps: a lower --config.schedule.rate, a longer --config.schedule.warmup, or "
        "dict(name='clip_norm', limit=1.0) in config.regularisers"
    )


def _train(built: Experiment, state: State, store: Store, journal: Journal, clock: _Clock, received: Callable) -> State:
    """The loop: dispatch a chunk of steps, take in the metrics of the chunk before, evaluate and save when due."""
    images, labels = jax.device_put(built.train, runtime.replicated(runtime.mesh()))
    train_steps = program.compiled_steps(built, images, labels)
    count = _counter(built, images)
    at, under_way = int(state.step), None

    def settle(row_of: tuple | None, evaluated: State | None = None) -> None:
        """Waits for a chunk (step, length, metrics), checks it and writes its row, with the errors of a state."""
        if row_of is not None:
            row = _row(built, *row_of, clock)
            journal.write(row | count(evaluated) if evaluated is not None else row)
            progress.show(journal.rows[-1])

    with contextlib.closing(writer.Progress(at, built.total_steps, built.epoch_steps)) as progress:
        while at < built.total_steps and not received():
            length = program.chunk_length(built, at)
            state, metrics = train_steps(state, length=length)
            settle(under_way)  # of the chunk before, while this one runs
            at += length
            under_way = (at, length, metrics)
            evaluating = at == built.total_steps or at % (built.evaluate_every * built.epoch_steps) == 0
            saving = clock.since_save() >= built.checkpoint_seconds
            if evaluating or saving:
                settle(under_way, state if evaluating else None)
                under_way, best = None, experiment.best_row(journal.rows)
                if saving or (best and best["step"] == at):
                    _save(store, at, state, journal, clock)
                clock.restart()
        settle(under_way)
        _save(store, at, state, journal, clock)
    if at < built.total_steps:
        raise Stopped(f"{received()} at step {at}: everything is saved, the same command resumes")
    return state


def _save(store: Store, step: int, state: State, journal: Journal, clock: _Clock) -> None:
    best = experiment.best_row(journal.rows)
    store.save(step, state, best and best["step"])
    clock.saved()


def _counter(built: Experiment, images: jax.Array) -> Callable[[State], dict]:
    """state -> validation and test errors. `images`: the training set, which is not sent to the device twice."""
    validation = images if built.validation is built.train else built.validation.images
    resident = {"validation": validation, "test": built.test.images}
    resident = jax.device_put(resident, runtime.replicated(runtime.mesh()))
    labels = {"validation": built.validation.labels, "test": built.test.labels}
    logits = jax.jit(built.logits)

    def count(state: State) -> dict:
        counts: dict[str, Any] = {}
        average = optim.averaged(state.opt_state)
        for split, of_split in labels.items():
            scores = np.asarray(logits(state.params, state.model_state, resident[split]))
            counts[f"{split}_errors"] = evaluate.count_errors(scores, of_split)
            counts[f"{split}_total"] = len(of_split)
            if average is not None:
                averages = np.asarray(logits(average, state.model_state, resident[split]))
                counts[f"average_{split}_errors"] = evaluate.count_errors(averages, of_split)
            if split == "test":
                counts["test_errors_halves"] = evaluate.halves(scores, of_split)
        return counts

    return count


def _row(built: Experiment, step: int, length: int, metrics: Mapping[str, jax.Array], clock: _Clock) -> dict:
    """The row of metrics.jsonl for the chunk of `length` steps that ended at `step`; Failed if it is not finite."""
    layers = metrics.pop("layers")
    values = {name: np.atleast_1d(np.asarray(value, np.float64)) for name, value in metrics.items()}
    for name, value in values.items():
        bad = np.flatnonzero(~np.isfinite(value))
        if bad.size:
            raise _Exploded(name, value[bad[0]], int(step - value.size + bad[0]))
    images = length * built.config["batch_size"]
    return {
        "step": step,
        "epoch": round(step / built.epoch_steps, 6),
        "seconds": clock.seconds(),
        "train_loss": float(values["train_loss"].mean()),
        "train_error": round(float(values["train_error"].mean()), 6),
        "learning_rate": float(values["learning_rate"][0]),
        "gradient_norm": float(values["gradient_norm"][0]),
        "update_ratio": float(values["update_ratio"][0]),
        "images_per_second": clock.rate(images),
        "layers": program.layers_row(step, layers)["layers"],
    }


def _identity(built: Experiment) -> dict:
    """What config.json holds: the config, which data it was trained on, and state_sha256 of its teacher, if any."""
    identity = {"config": built.config, "dataset": {"name": built.dataset.name, "sha256": built.dataset.sha256}}
    teacher = experiment.teacher_of(built.config)
    return identity if teacher is None else {**identity, "teacher": teacher}


def _agree(folder: pathlib.Path, built: Experiment, force: bool) -> bool:
    """Whether a run in the folder, if there is one, is of the same config and data; BadInput if not, unless forced."""
    path, new = folder / "config.json", _identity(built)
    old = json.loads(path.read_text()) if path.exists() else new
    changed = [line for key in new for line in differences(old.get(key), new[key], key)]
    if changed and not force:
        raise BadInput(
            f"--workdir {folder}: found a run of another config ({'; '.join(changed)}), expected the same; "
            "choose another --workdir, or --force_resume to go on from its checkpoint with the new config"
        )
    return not changed


def _result(built: Experiment, state: State, rows: Sequence[Mapping], seconds: float) -> dict:
    """result.json. "At best validation" is the row with the fewest validation errors, the latest of equals."""
    evaluated = [row for row in rows if "test_errors" in row]
    best = experiment.best_row(evaluated)
    images = built.total_steps * built.config["batch_size"]
    average = experiment.best_row(evaluated, "average_validation_errors")
    return {
        "config": built.config["name"],
        "config_sha256": hashlib.sha256(json.dumps(built.config, sort_keys=True).encode()).hexdigest(),
        "state_sha256": checkpoint.tree_hash(state.params),
        "dataset": {key: getattr(built.dataset, key) for key in ("name", "source", "sha256")},
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(state.params)),
        "epochs": built.config["epochs"],
        "steps": built.total_steps,
        "seconds": seconds,
        "images_per_second": round(images / seconds, 1),
        "validation_errors": best["validation_errors"],
        "validation_total": best["validation_total"],
        "validation_split": f"{built.config['data']['validation']} held out"
        if built.validation is not built.train
        else "undeformed training set",
        "test_total": best["test_total"],
        "test_errors_at_best_validation": best["test_errors"],
        "test_errors_best": min(row["test_errors"] for row in evaluated),
        "test_errors_final": evaluated[-1]["test_errors"],
        "test_errors_halves": best["test_errors_halves"],
        **{key: average[key] for key in ("average_validation_errors", "average_test_errors") if average},
        "processes": jax.process_count(),
        "seed": built.config["seed"],
    }
