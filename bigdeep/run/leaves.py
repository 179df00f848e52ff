"""What tells two trees of arrays apart: the types, shapes and sha256 of their leaves."""

import hashlib
import json
from typing import Any

import jax

from bigdeep.run import processes


def shapes(tree: Any) -> dict[str, str]:
    """{path of the leaf: type and shape}, of arrays or of their abstract stand-ins."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path): f"{leaf.dtype}{list(leaf.shape)}" for path, leaf in leaves}


def hashes(tree: Any) -> dict[str, str]:
    """{path of the leaf: sha256 of its type, shape and bytes}."""
    leaves = (leaf for _, leaf in jax.tree_util.tree_leaves_with_path(tree))
    pairs = zip(shapes(tree).items(), leaves, strict=True)
    return {path: _sha256(shape.encode() + processes.whole(leaf).tobytes()) for (path, shape), leaf in pairs}


def tree_hash(tree: Any) -> str:
    """One sha256 over the hashes of all leaves, in the order of their paths."""
    return _sha256(json.dumps(hashes(tree), sort_keys=True).encode())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
