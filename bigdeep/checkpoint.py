"""Checkpoints that are verified: orbax stores them, a sha256 of every leaf vouches for them. The only import of orbax.

Orbax commits a step atomically but does not checksum array data; a flipped bit would come back as a wrong weight.
"""

import hashlib
import pathlib
import sys
from typing import Any

import jax
import numpy as np
from orbax.checkpoint import v1 as ocp

from bigdeep.errors import Failed


class Damaged(Exception):
    """A checkpoint that cannot be read, or whose leaves are not those that were saved."""


def leaf_hashes(tree: Any) -> dict[str, str]:
    """{path of the leaf: sha256 of its dtype, shape and bytes}."""
    hashes = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = np.asarray(leaf)
        head = f"{array.dtype}{array.shape}".encode()
        hashes[jax.tree_util.keystr(path)] = hashlib.sha256(head + array.tobytes()).hexdigest()
    return hashes


def tree_hash(tree: Any) -> str:
    """One sha256 over the hashes of all leaves, in the order of their paths."""
    return hashlib.sha256("\n".join(f"{k} {v}" for k, v in sorted(leaf_hashes(tree).items())).encode()).hexdigest()


def load(folder: pathlib.Path, abstract: Any) -> Any:
    """The checkpoint in one step's folder, verified leaf by leaf, in the shapes and shardings of `abstract`.

    Raises Damaged with the reason, and the name of the leaf where one differs.
    """
    try:
        expected = ocp.metadata(folder).custom_metadata["sha256"]
        tree = ocp.load(folder, abstract)
    except Exception as error:  # damage shows as JSON, tensorstore, OS and orbax errors alike
        raise Damaged(f"unreadable ({str(error).strip().splitlines()[0][:200]})") from error
    found = leaf_hashes(tree)
    for path in sorted({*expected, *found}):
        if found.get(path) != expected.get(path):
            raise Damaged(f"leaf {path} has sha256 {found.get(path)}, saved as {expected.get(path)}")
    return tree


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
        """The newest intact checkpoint, or None. Damaged ones are named on standard error and moved aside."""
        for step in reversed(self.steps()):
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
        return None

    def save(self, step: int, state: Any, best_step: int | None) -> None:
        """Starts saving; the state may be donated as soon as this returns, since orbax has its values by then.

        best_step: the one to keep for good.

        Raises Failed where this or the save before could not be written; earlier checkpoints stay.
        """
        if step == self._newest:
            return
        self._keep.best_step = best_step
        metadata = {"sha256": leaf_hashes(state)}
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
            reason = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
            raise Failed(
                f"checkpoint: could not be written to {self.folder} ({reason}); intact earlier steps: {self.steps()}"
            ) from error
