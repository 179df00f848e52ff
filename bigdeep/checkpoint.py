"""Checkpoints that are verified: orbax stores them, a sha256 of every leaf vouches for them. The only import of orbax.

Orbax commits a step atomically but does not checksum array data; a flipped bit would come back as a wrong weight.
"""

import hashlib
import json
import pathlib
import sys
from typing import Any

import jax
import numpy as np
from orbax.checkpoint import v1 as ocp

from bigdeep.errors import BadInput, Failed


class Damaged(Exception):
    """A checkpoint that cannot be read, or whose leaves are not those that were saved."""


def leaf_shapes(tree: Any) -> dict[str, str]:
    """{path of the leaf: type and shape}, of arrays or of their abstract stand-ins."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path): f"{leaf.dtype}{list(leaf.shape)}" for path, leaf in leaves}


def leaf_hashes(tree: Any) -> dict[str, str]:
    """{path of the leaf: sha256 of its type, shape and bytes}."""
    leaves = (leaf for _, leaf in jax.tree_util.tree_leaves_with_path(tree))
    pairs = zip(leaf_shapes(tree).items(), leaves, strict=True)
    return {path: _sha256(shape.encode() + np.asarray(leaf).tobytes()) for (path, shape), leaf in pairs}


def tree_hash(tree: Any) -> str:
    """One sha256 over the hashes of all leaves, in the order of their paths."""
    return _sha256(json.dumps(leaf_hashes(tree), sort_keys=True).encode())


def load(folder: pathlib.Path, abstract: Any) -> Any:
    """The checkpoint in one step's folder, verified leaf by leaf, in the shapes and shardings of `abstract`.

    Raises Damaged with the reason, and the name of the leaf where one differs; BadInput where an intact checkpoint is
    one of another net or optimizer.
    """
    try:
        saved = ocp.metadata(folder).custom_metadata
        hashes, shapes, seal = saved["sha256"], saved["shapes"], saved["seal"]
    except Exception as error:
        raise Damaged(f"unreadable ({_first_line(error)})") from error
    if _sha256(json.dumps([hashes, shapes], sort_keys=True).encode()) != seal:
        raise Damaged("its list of hashes is not the one that was saved")
    wanted = leaf_shapes(abstract)
    for path in sorted({*shapes, *wanted}):
        if shapes.get(path) != wanted.get(path):
            what = f"checkpoint {folder}: found {path} {shapes.get(path, 'missing')}"
            raise BadInput(
                f"{what}, expected {wanted.get(path, 'none of this name')} for this config's net and optimizer"
            )
    try:
        tree = ocp.load(folder, abstract)
    except (PermissionError, MemoryError):
        raise
    except Exception as error:  # damage shows as JSON, tensorstore, OS and orbax errors alike
        raise Damaged(f"unreadable ({_first_line(error)})") from error
    for path, found in leaf_hashes(tree).items():
        if found != hashes[path]:
            raise Damaged(f"leaf {path} has sha256 {found}, saved as {hashes[path]}")
    return tree


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


class _Keep:
    """Orbax's preservation policy: the two newest steps and the one with the best validation."""

    best_step: int | None = None

    def should_preserve(self, checkpoints: list, *, context: Any) -> list[bool]:
        return [i >= len(checkpoints) - 2 or c.step == self.best_step for i, c in enumerate(checkpoints)]


class Store:
    """The checkpoints of one run, in folder/<step>; steps found damaged move to folder/damaged/<step>."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder.absolute()
        self._keep = _Keep()
        self._checkpointer = None
        self._newest = -1  # the step last saved or restored

    def steps(self) -> list[int]:
        """The steps on disk, ascending."""
        return sorted(int(p.name) for p in self.folder.glob("*") if p.name.isdigit())

    def restore(self, abstract: Any) -> Any | None:
        """The newest intact checkpoint, or None where none was ever saved.

        Damaged ones are named on standard error and moved aside. Raises Failed where all are, BadInput where the newest
        intact one is of another net or optimizer; then nothing is touched.
        """
        steps = self.steps()
        for step in reversed(steps):
            try:
                tree = load(self.folder / str(step), abstract)
                self._newest = step
                return tree
            except Damaged as damage:
                aside = self.folder / "damaged" / str(step)
                aside.parent.mkdir(exist_ok=True)
                while aside.exists():
                    aside = aside.with_name(f"{aside.name}-again")
                (self.folder / str(step)).rename(aside)
                line = f"bigdeep: CHECKPOINT {step} IS DAMAGED: {damage}; moved to {aside}, falling back"
                print(line, file=sys.stderr, flush=True)
        if steps:
            raise Failed(f"checkpoints: all of {steps} are damaged; start anew in another --workdir")
        return None

    def save(self, step: int, state: Any, best_step: int | None) -> None:
        """Starts saving; the state may be donated as soon as this returns, since by then orbax has its values or
        holds its buffers, which JAX then leaves alone.

        best_step: the one to keep for good.

        Raises Failed where this or the save before could not be written; earlier checkpoints stay.
        """
        if step == self._newest:
            return
        self._keep.best_step = best_step
        lists = [leaf_hashes(state), leaf_shapes(state)]
        seal = _sha256(json.dumps(lists, sort_keys=True).encode())
        metadata = {"sha256": lists[0], "shapes": lists[1], "seal": seal}
        self._newest = step
        self._guard(lambda: self._open().save_async(step, state, force=True, custom_metadata=metadata))

    def close(self) -> None:
        """Waits until what was saved is on disk. Raises Failed where it is not."""
        if self._checkpointer is not None:
            self._guard(self._checkpointer.close)

    def _open(self) -> Any:
        if self._checkpointer is None:
            self._checkpointer = ocp.training.Checkpointer(
                self.folder,
                save_decision_policy=ocp.training.save_decision_policies.FixedIntervalPolicy(1),
                preservation_policy=self._keep,
                cleanup_tmp_directories=True,
            )
        return self._checkpointer

    def _guard(self, write: Any) -> None:
        try:
            write()
        except Exception as error:  # a full disk shows as OS, tensorstore or orbax errors, now or at the next save
            self._checkpointer = None
            raise Failed(
                f"checkpoint: could not be written to {self.folder} ({_first_line(error)}); "
                f"intact earlier steps: {self.steps()}"
            ) from error
