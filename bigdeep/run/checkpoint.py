"""Checkpoints that are verified: orbax stores them, a sha256 of every leaf vouches for them. The only import of orbax.

Orbax commits a step atomically but does not checksum array data; a flipped bit would come back as a wrong weight.
A checkpoint holds named items, each a tree of arrays that can be loaded alone: "net" (params, model_state), "optimizer"
(step, opt_state) and, at best validation and at the end of a run that averages its weights or drops paths, "average"
(params, model_state). It also holds the identity of its run: the config and the data that it belongs to.
"""

import atexit
import contextlib
import functools
import hashlib
import json
import pathlib
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Set
from typing import Any

from orbax.checkpoint import v1 as ocp

from bigdeep.errors import BadInput, Failed, first_line, tell
from bigdeep.place import absolute, below, in_bucket, move
from bigdeep.run import leaves, processes

Items = Mapping[str, Any]


class Damaged(Exception):
    """A checkpoint that cannot be read, or whose leaves are not those that were saved."""


def about(folder: pathlib.Path) -> dict:
    """{sha256, shapes, identity} as they were saved with a step, their seal checked.

    Raises Damaged; Failed where a file cannot be read; BadInput for a checkpoint of bigdeep 0.1.
    """
    try:
        saved = ocp.metadata(_plain(folder)).custom_metadata
        seal, what = saved["seal"], {key: saved[key] for key in ("sha256", "shapes", "identity") if key in saved}
    except Exception as error:
        _raise_unreadable(folder)
        raise Damaged(f"unreadable ({first_line(error)})") from error
    if "identity" not in what:
        raise BadInput(f"checkpoint {folder}: found one of bigdeep 0.1, expected 0.2 or later; train it again")
    if _seal(what) != seal:
        raise Damaged("its list of hashes is not the one that was saved")
    return what


def names(folder: pathlib.Path) -> set[str]:
    """The items of the checkpoint in one step's folder. Raises as `about`."""
    return {path.split("'")[1] for path in about(folder)["shapes"]}


def load(folder: pathlib.Path, abstract: Items) -> dict[str, Any]:
    """Items of the checkpoint in one step's folder, verified leaf by leaf, in the shapes and shardings of `abstract`.

    Raises Damaged with the reason, and the name of the leaf where one differs; BadInput where an intact checkpoint is
    one of another net or optimizer; Failed where a file cannot be read.
    """
    saved = about(folder)
    wanted, items = leaves.shapes(abstract), tuple(f"['{name}']" for name in abstract)
    shapes = {path: shape for path, shape in saved["shapes"].items() if path.startswith(items)}
    for path in sorted({*shapes, *wanted}):
        if shapes.get(path) != wanted.get(path):
            found, expected = shapes.get(path, "missing"), wanted.get(path, "none of this name")
            raise BadInput(f"checkpoint {folder}: found {path} {found}, expected {expected} for this config")
    try:
        tree = ocp.load_checkpointables(_plain(folder), abstract)
    except MemoryError:
        raise
    except Exception as error:  # damage shows as JSON, tensorstore, OS and orbax errors alike
        _raise_unreadable(folder)
        raise Damaged(f"unreadable ({first_line(error)})") from error
    for path, found in leaves.hashes(tree).items():
        if found != saved["sha256"][path]:
            raise Damaged(f"leaf {path} has sha256 {found}, saved as {saved['sha256'][path]}")
    return tree


def _seal(what: Mapping) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _raise_unreadable(folder: pathlib.Path) -> None:
    """Raises Failed where the system does not give out the bytes of a checkpoint: that says nothing of damage."""
    try:
        for path in below(folder, strict=True):
            with path.open("rb") as file:
                while file.read(1 << 20):
                    pass
    except OSError as error:
        raise Failed(f"checkpoint {error.filename or folder}: {error.strerror}; nothing was changed") from None
    except Exception as error:  # a bucket's libraries have kinds of their own
        raise Failed(f"checkpoint {folder}: {first_line(error)}; nothing was changed") from None


def _whole(folder: pathlib.Path) -> bool:
    """Whether a step was written to its end: on a disk it gets its name then, in a bucket a file that says so."""
    return not in_bucket(folder) or (folder / "commit_success.txt").exists()


@functools.cache
def _plain(folder: pathlib.Path) -> pathlib.Path:
    """A path to the folder that orbax can take, which reads brackets, stars and backslashes of a path as patterns."""
    if not set("[]*?\\") & set(str(folder)):
        return folder
    link = pathlib.Path(tempfile.mkdtemp(prefix="bigdeep-"))
    atexit.register(shutil.rmtree, link, ignore_errors=True)
    (link / folder.name.strip("[]*?\\")).symlink_to(folder, target_is_directory=True)
    return link / folder.name.strip("[]*?\\")


class _Keep:
    """Orbax's preservation policy: the two newest steps and the best ones."""

    best: Set[int] = frozenset()

    def should_preserve(self, checkpoints: list, *, context: Any) -> list[bool]:
        return [i >= len(checkpoints) - 2 or c.step in self.best for i, c in enumerate(checkpoints)]


class Store:
    """The checkpoints of one run, in folder/<step>; steps found damaged move to damaged/<step> beside it.

    watchers: functions of (step, items) that are called with all that is saved.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = absolute(folder)
        self.watchers: list[Callable] = []
        self._keep = _Keep()
        self._checkpointer = None
        self.newest, self._held = -1, frozenset[str]()  # the step last saved or restored, and its items
        self._saved = time.monotonic()

    def age(self) -> float:
        """Seconds since the last save, or since the store was opened."""
        return time.monotonic() - self._saved

    def steps(self) -> list[int]:
        """The steps on disk, ascending."""
        try:
            return sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdigit() and _whole(path))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise Failed(f"checkpoints {self.folder}: {error.strerror}; nothing was changed") from None

    def identity(self) -> dict | None:
        """What run the newest intact checkpoint belongs to, None where there is none."""
        for step in reversed(self.steps()):
            try:
                return about(self.folder / str(step))["identity"]
            except Damaged:
                continue
        return None

    def restore(self, abstract: Items) -> dict[str, Any] | None:
        """The items of the newest intact checkpoint, or None where none was ever saved.

        Damaged ones are named on standard error and moved aside. Raises Failed where all are or where one cannot be
        read, BadInput where the newest intact one is of another net or optimizer; then nothing is touched.
        """
        steps = self.steps()
        for step in reversed(steps):
            items, reason = None, ""
            try:
                items = load(self.folder / str(step), abstract)
            except Damaged as damage:
                reason = str(damage)
            if not processes.any_of(bool(reason)):
                self.newest, self._held = step, frozenset(items or ())
                return items
            if processes.first():
                self._move_aside(step, reason)
            processes.barrier(f"step {step} is damaged")
        if steps:
            raise Failed(f"checkpoints: all of {steps} are damaged; start anew in another --workdir")
        return None

    def _move_aside(self, step: int, reason: str) -> None:
        aside = self.folder.with_name("damaged") / str(step)  # orbax clears what it finds among the steps
        while aside.exists():
            aside = aside.with_name(f"{aside.name}-again")
        move(self.folder / str(step), aside)
        tell(f"bigdeep: CHECKPOINT {step} IS DAMAGED: {reason}; moved to {aside}, falling back")

    def save(self, step: int, items: Items, identity: Mapping, best: Set[int] = frozenset()) -> None:
        """Starts saving. The arrays may be donated once this returns: orbax has copied them or holds references.

        best: the steps to keep for good. A step that is there already is saved again where it gets another item.

        Raises Failed where this or the save before could not be written; earlier checkpoints stay.
        """
        if again := step == self.newest:
            if self._held.issuperset(items):
                return
            self.close()
        self._keep.best = best
        what = {"sha256": leaves.hashes(items), "shapes": leaves.shapes(items), "identity": identity}
        options = {"force": True, "overwrite": again, "custom_metadata": {**what, "seal": _seal(what)}}

        def write() -> None:
            self._open().save_checkpointables_async(step, dict(items), **options)

        done = self._attempt(write)
        self.newest, self._held, self._saved = step, frozenset(items), time.monotonic()
        if not done and step not in self.steps():
            self._attempt(write)
        for watcher in self.watchers:
            watcher(step, items)

    def close(self) -> None:
        """Waits until what was saved is on disk. Raises Failed where it is not."""
        if self._checkpointer is not None:
            self._attempt(self._checkpointer.close)
            self._checkpointer = None

    def _open(self) -> Any:
        if self._checkpointer is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._checkpointer = ocp.training.Checkpointer(
                _plain(self.folder),
                save_decision_policy=ocp.training.save_decision_policies.FixedIntervalPolicy(1),
                preservation_policy=self._keep,
                cleanup_tmp_directories=True,
            )
        return self._checkpointer

    def _attempt(self, write: Callable[[], Any]) -> bool:
        """Whether orbax did it without an error; one that comes once the newest step is on disk loses nothing.

        What had begun is awaited first. Where there are other processes, which know nothing of it, any error is raised.
        """
        try:
            write()
        except Exception as error:  # a full disk shows as OS, tensorstore or orbax errors, now or at the next save
            failed, self._checkpointer = self._checkpointer, None
            if failed is not None and processes.alone():
                with contextlib.suppress(Exception):
                    failed.close()
            steps, reason = self.steps(), first_line(error)
            if self.newest not in steps or not processes.alone():
                message = f"could not be written to {self.folder} ({reason}); intact earlier steps: {steps}"
                raise Failed(f"checkpoint: {message}") from error
            tell(f"bigdeep: checkpoint: {reason}, after step {self.newest}, which is on disk")
            return False
        return True
