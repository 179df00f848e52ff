"""The run: restore, loop over chunks of steps, evaluate, save. The only place where I/O and JAX meet."""

import contextlib
import hashlib
import json
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from bigdeep import autopsy, evaluate, findings, step
from bigdeep import experiment as experiments
from bigdeep.data import embedded
from bigdeep.errors import BadInput, Failed, Stopped, require
from bigdeep.experiment import Experiment
from bigdeep.run import checkpoint, files, folder, layout, machine, processes, signals
from bigdeep.run.journal import Exploded, Journal, read_rows
from bigdeep.run.progress import Progress
from bigdeep.sections import differences
from bigdeep.step import State


def run(config: Mapping, workdir: str, *, force_resume: bool = False, on_row: Callable | None = None) -> dict:
    """Trains what the config says in workdir, from its newest checkpoint if it holds one; returns the result.

    on_row: called with each row of metrics.

    Raises BadInput before anything is trained, Stopped after a signal with everything saved, and Failed when the
    loss is not finite or the disk is full, with the checkpoints so far kept.
    """
    path = pathlib.Path(workdir)
    with signals.caught() as noted:
        received, first = processes.shared(noted), processes.first()
        experiment = experiments.build(config)
        identity = experiments.identity(experiment)
        if experiment.data.dataset.name == embedded.NAME and config["data"]["source"] == "auto":
            embedded.warn()
        claimed = files.claim(path) if first else contextlib.nullcontext()
        with claimed, contextlib.closing(checkpoint.Store(path / "checkpoints")) as store:
            processes.barrier("the folder is claimed")
            same = _same_run(path, store, identity, force_resume)
            if same and (done := folder.read_result(path)).get("steps") == experiment.plan.total_steps:
                return done
            state = _restored(path, store, experiment)
            journal = Journal(path / "metrics.jsonl", int(state.step), keep=first)
            processes.barrier("the folder is read")
            origin = machine.origin()
            if first:
                (path / "result.json").unlink(missing_ok=True)
                about = {"cwd": str(pathlib.Path.cwd()), "command": machine.command(), "origin": origin}
                files.write_json(
                    path / "config.json", identity | about | {"weights": findings.weight_shapes(experiment)}
                )
            try:
                state = _train(experiment, state, store, journal, identity, received, on_row)
                store.close()  # no result of weights that are not on disk
            except Exploded as error:
                store.close()
                raise Failed(autopsy.explanation(error, experiment, store, journal.rows)) from None
            result = _result(experiment, state, journal) | origin
            if first:
                folder.write_result(path, result)
            findings.write(path, experiment)
            if first:
                _report(path)
            return result


def _report(path: pathlib.Path) -> None:
    """report.html, of what the run left."""
    from bigdeep.report import page  # noqa: PLC0415 - templates, which only the end of a run needs

    page.write([path], path / "report.html")


def _same_run(path: pathlib.Path, store: checkpoint.Store, identity: dict, force: bool) -> bool:
    """Whether a run in the folder, if there is one, is of the same config and data; BadInput if not, unless forced."""
    old = folder.stored_identity(path) or store.identity() or identity
    changed = [line for key in identity for line in differences(old.get(key), identity[key], key)]
    if changed and not force:
        raise BadInput(
            f"--workdir {path}: found a run of another config ({'; '.join(changed)}), expected the same; "
            "choose another --workdir, or --force_resume to go on from its checkpoint with the new config"
        )
    return not changed


def _restored(path: pathlib.Path, store: checkpoint.Store, experiment: Experiment) -> State:
    """The newest state of the run, or that before the first step; BadInput where checkpoints were lost."""
    lost = not store.folder.exists() and (read_rows(path / "metrics.jsonl") or folder.read_result(path))
    require(not lost, f"--workdir {path}", "a run without its checkpoints/", "all of it, or another --workdir")
    items = store.restore(experiments.items_of(experiments.abstract_state(experiment)))
    store.folder.mkdir(parents=True, exist_ok=True)
    if items is None:
        return experiments.initial_state(experiment)
    state = experiments.state_of(items)
    at, total = int(state.step), experiment.plan.total_steps
    require(at <= total, f"--workdir {path}", f"a run at step {at}", f"one of {total} steps")
    return state


def _train(
    experiment: Experiment,
    state: State,
    store: checkpoint.Store,
    journal: Journal,
    identity: dict,
    received: Callable,
    on_row: Callable | None,
) -> State:
    """The loop: chunk after chunk of steps, a row of metrics for each, and what is due at its end."""
    plan, count, average = experiment.plan, _counter(experiment), experiments.averaged_net(experiment)

    def evaluating(at: int) -> bool:
        return at % plan.evaluate_steps == 0 or at == plan.total_steps

    def saving() -> bool:
        return processes.first_says(store.age() >= plan.checkpoint_seconds)

    def save(state: State) -> None:
        items, averaged = experiments.items_of(state), average(state)
        items |= {"average": averaged} if averaged else {}
        store.save(int(state.step), items, identity, _best_steps(journal.rows))

    progress = Progress(int(state.step), plan.total_steps, plan.epoch_steps, shown=processes.first())
    with contextlib.closing(progress):
        for chunk in _chunks(experiment, state, evaluating, saving, received):
            images = chunk.length * experiment.config["batch_size"]
            row = journal.row(chunk.step, chunk.step / plan.epoch_steps, images, chunk.metrics)
            if chunk.state and evaluating(chunk.step):
                row |= count(chunk.state, average(chunk.state))
            journal.write(row)
            progress.show(row)
            if on_row:
                on_row(row)
            if chunk.state:
                state = chunk.state
                if chunk.saving or chunk.step in _best_steps(journal.rows):
                    save(state)
                journal.restart_lap()
    stopped = int(state.step) < plan.total_steps
    last = journal.rows[-1] if journal.rows else {}
    if not stopped and not (last.get("step") == plan.total_steps and "test_errors" in last):  # made shorter, or lost
        journal.amend(plan.total_steps, count(state, average(state)))
    save(state)
    if stopped:
        raise Stopped(f"{received()} at step {int(state.step)}: everything is saved, the same command resumes")
    return state


class _Chunk(NamedTuple):
    """Steps run at once: the last one's number, how many, metrics, the state where it is needed, whether to save it."""

    step: int
    length: int
    metrics: Mapping[str, jax.Array]
    state: State | None = None
    saving: bool = False


def _chunks(
    experiment: Experiment, state: State, evaluating: Callable, saving: Callable, received: Callable
) -> Iterator[_Chunk]:
    """Dispatches chunks of steps up to the end or a signal; yields each once the next one has been dispatched.

    Where something is due at the end of a chunk, and for the last, it is yielded with its state before the next one is
    dispatched, which the state is donated to.
    """
    train_steps = experiments.compiled_steps(experiment)
    plan, at, pending = experiment.plan, int(state.step), None
    while at < plan.total_steps and not received():
        length = plan.chunk_length(at)
        state, metrics = train_steps(state, length=length)
        if pending:
            yield pending
        at += length
        pending, save = _Chunk(at, length, metrics), saving()
        if save or evaluating(at):
            yield pending._replace(state=state, saving=save)
            pending = None
    if pending:
        yield pending._replace(state=state)


def _best_steps(rows: Sequence[Mapping]) -> set[int]:
    """The steps to keep for good: with the fewest validation errors, of the net and of its average."""
    rows = [folder.best_row(rows, errors) for errors in ("validation_errors", "average_validation_errors")]
    return {row["step"] for row in rows if row}


def _counter(experiment: Experiment) -> Callable[[State, dict | None], dict]:
    """(state, its averaged net) -> validation and test errors, as whole numbers."""
    data = experiment.data
    images = layout.on_devices({"validation": data.validation.images, "test": data.test.images})
    labels = {"validation": data.validation.labels, "test": data.test.labels}
    predict = jax.jit(step.predict(experiment.model.apply), out_shardings=layout.replicated())

    def count(state: State, averaged: dict | None) -> dict:
        counts = {}
        for split, truth in labels.items():
            logits = np.asarray(predict(state.params, state.model_state, images[split]))
            counts |= {f"{split}_errors": evaluate.count_errors(logits, truth), f"{split}_total": len(truth)}
            if split == "test":
                counts["test_errors_halves"] = evaluate.halves(logits, truth)
            if averaged:
                logits = np.asarray(predict(averaged["params"], averaged["model_state"], images[split]))
                counts[f"average_{split}_errors"] = evaluate.count_errors(logits, truth)
        return counts

    return count


def _result(experiment: Experiment, state: State, journal: Journal) -> dict:
    """result.json. "At best validation" is the row with the fewest validation errors, the latest of equals."""
    config, data, rows, seconds = experiment.config, experiment.data, journal.rows, journal.seconds()
    best, average = (folder.best_row(rows, key) for key in ("validation_errors", "average_validation_errors"))
    held_out = len(data.validation.labels) if data.validation is not data.train else 0
    images = experiment.plan.total_steps * config["batch_size"]
    return {
        "kind": "run",
        "config": config["name"],
        "config_sha256": hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest(),
        "state_sha256": checkpoint.tree_hash(state.params),
        "dataset": {key: getattr(data.dataset, key) for key in ("name", "source", "sha256")},
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(state.params)),
        "epochs": config["epochs"],
        "steps": experiment.plan.total_steps,
        "seconds": seconds,
        "images_per_second": round(images / seconds, 1),
        "validation_errors": best["validation_errors"],
        "validation_total": best["validation_total"],
        "validation_split": f"{held_out} held out" if held_out else "undeformed training set",
        "test_total": best["test_total"],
        "test_errors_at_best_validation": best["test_errors"],
        "test_errors_best": min(row["test_errors"] for row in rows if "test_errors" in row),
        "test_errors_final": rows[-1]["test_errors"],
        "test_errors_halves": best["test_errors_halves"],
        **{key: average[key] for key in ("average_validation_errors", "average_test_errors") if average},
        "processes": jax.process_count(),
        "seed": config["seed"],
    }
