"""The run: restore, loop over chunks of steps, evaluate, save. The only place where I/O and JAX meet."""

import contextlib
import functools
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from bigdeep import autopsy, evaluate, findings, programs, step
from bigdeep import experiment as experiments
from bigdeep.data import embedded
from bigdeep.errors import BadInput, Diverged, Stopped, require, tell
from bigdeep.experiment import Experiment
from bigdeep.place import in_bucket, place
from bigdeep.run import checkpoint, files, folder, layout, machine, processes, record, signals
from bigdeep.run.journal import Exploded, Journal, read_rows
from bigdeep.run.progress import Progress
from bigdeep.sections import differences
from bigdeep.step import State


def run(config: Mapping, workdir: str, *, force_resume: bool = False, on_row: Callable | None = None) -> dict:
    """Trains what the config says in workdir, from its newest checkpoint if it holds one; returns the result.

    on_row: called with each row of metrics once it is on disk.

    Raises BadInput before anything is trained, Stopped after a signal with everything saved, and, with the checkpoints
    so far kept, Diverged when the loss is not finite and Failed when the disk is full.
    """
    path = _destination(workdir, config)
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
            if config["profile"]:
                _profile(experiment, state)
            with _sinks(path, experiment, store, journal, on_row):
                _begin(path, experiment, identity)
                try:
                    state = _train(experiment, state, store, journal, identity, received)
                    store.close()  # no result of weights that are not on disk
                except Exploded as error:
                    store.close()
                    raise Diverged(autopsy.explanation(error, experiment, store, journal.rows)) from None
                return _end(path, experiment, state, journal)


def _destination(workdir: str, config: Mapping) -> pathlib.Path:
    """Where the run's folder is to be."""
    path = place(workdir)
    board = config.get("tensorboard") and in_bucket(path)
    require(not board, "config.tensorboard", True, f"False for a folder in a bucket, {path}")
    return path


@contextlib.contextmanager
def _sinks(
    path: pathlib.Path, experiment: Experiment, store: checkpoint.Store, journal: Journal, on_row: Callable | None
) -> Iterator[None]:
    """Lets others see the rows and the checkpoints: the caller, and TensorBoard where the config wants it."""
    with contextlib.ExitStack() as stack:
        journal.sinks += [on_row] if on_row else []
        if experiment.config["tensorboard"] and processes.first():
            from bigdeep.run.tensorboard import Board  # noqa: PLC0415 - an extra, which few runs need

            sheet = functools.partial(findings.deformed_sheet, experiment)
            board = stack.enter_context(contextlib.closing(Board(path / "tensorboard", store.newest, sheet)))
            journal.sinks.append(board.row)
            store.watchers.append(board.saved)
        yield


def _profile(experiment: Experiment, state: State) -> None:
    """Says where a step's time goes."""
    from bigdeep.run import profile  # noqa: PLC0415 - few runs ask

    program, rest, length = programs.first_chunk(experiment)
    spent = profile.parts(program, (state, *rest), length)
    if processes.first():
        tell(profile.text(spent))


def _begin(path: pathlib.Path, experiment: Experiment, identity: dict) -> None:
    """config.json: the run's identity, where and how it was started, and the shapes of its weights."""
    about = {"cwd": str(pathlib.Path.cwd()), "command": machine.command(), "origin": machine.origin()}
    if processes.first():
        (path / "result.json").unlink(missing_ok=True)
        files.write_json(path / "config.json", identity | about | {"weights": findings.weight_shapes(experiment)})


def _end(path: pathlib.Path, experiment: Experiment, state: State, journal: Journal) -> dict:
    """All that a finished run leaves, the result last: where it stands, all else is there."""
    result = findings.result(experiment, state, journal.rows, journal.seconds()) | machine.origin()
    result |= findings.write(path, experiment)
    if processes.first():
        from bigdeep.report import page  # noqa: PLC0415 - templates, which only the end of a run needs

        record.write_result(path, result)
        page.write([path], path / "report.html")
    return result


def _same_run(path: pathlib.Path, store: checkpoint.Store, identity: dict, force: bool) -> bool:
    """Whether a run in the folder, if there is one, is of the same config and data; BadInput if not, unless forced."""
    old = record.stored_identity(path) or store.identity() or identity
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
    experiment: Experiment, state: State, store: checkpoint.Store, journal: Journal, identity: dict, received: Callable
) -> State:
    """The loop: chunk after chunk of steps, a row of metrics for each, and what is due at its end."""
    plan, count, net_of, net = experiment.plan, _counter(experiment), programs.net_of(experiment), None
    item = folder.selected_item(experiment.config, experiment.model)

    def evaluating(at: int) -> bool:
        return at % plan.evaluate_steps == 0 or at == plan.total_steps

    def saving() -> bool:
        return processes.first_says(store.age() >= plan.checkpoint_seconds)

    def save(state: State, net: Mapping | None) -> None:
        items = experiments.items_of(state) | ({item: net} if net else {})
        store.save(int(state.step), items, identity, _best_step(journal.rows))

    progress = Progress(int(state.step), plan.total_steps, plan.epoch_steps, shown=processes.first())
    with contextlib.closing(progress):
        for chunk in _chunks(experiment, state, evaluating, saving, received):
            images = chunk.length * experiment.config["batch_size"]
            row = journal.row(chunk.step, chunk.step / plan.epoch_steps, images, chunk.metrics)
            net = net_of(chunk.state) if chunk.state and evaluating(chunk.step) else None
            row |= count(**net) if net else {}
            journal.write(row)
            progress.show(row)
            if chunk.state:
                state = chunk.state
                if chunk.saving or chunk.step in _best_step(journal.rows):
                    save(state, net)
                journal.restart_lap()
    stopped = int(state.step) < plan.total_steps
    last = journal.rows[-1] if journal.rows else {}
    if not stopped and not (last.get("step") == plan.total_steps and "test_errors" in last):  # made shorter, or lost
        net = net_of(state)
        journal.amend(plan.total_steps, count(**net))
    save(state, net)
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
    train_steps = programs.compiled_steps(experiment)
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


def _best_step(rows: Sequence[Mapping]) -> set[int]:
    """The step to keep for good, with the fewest validation errors; none before the first evaluation."""
    best = record.best_row(rows)
    return {best["step"]} if best else set()


def _counter(experiment: Experiment) -> Callable[..., dict]:
    """(params, model_state) -> validation and test errors, as whole numbers."""
    data = experiment.data
    splits = {"validation": data.validation, "test": data.test}
    whole = (lambda images: [layout.on_devices(images)]) if not data.workers else step.parts
    parts = {name: whole(split.images) for name, split in splits.items()}
    predict = jax.jit(step.predict(experiment.model.apply), out_shardings=layout.replicated())

    def count(params: Any, model_state: Any) -> dict:
        counts: dict[str, Any] = {}
        for name, (_, labels) in splits.items():
            scores = np.concatenate([np.asarray(predict(params, model_state, part)) for part in parts[name]])
            counts |= {f"{name}_errors": evaluate.count_errors(scores, labels), f"{name}_total": len(labels)}
            if name == "test":
                counts["test_errors_halves"] = evaluate.halves(scores, labels)
        return counts

    return count
