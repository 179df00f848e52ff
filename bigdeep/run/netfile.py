"""A net in one file: safetensors, with config, data set and result in its metadata. The only import of safetensors.

Tensors are named "params/LAYER/TENSOR" and "model_state/…", float32. Where the net rounds its kernels to bfloat16
anyway, they are stored so, which changes no output. A sha256 over all of them vouches for their bytes.
"""

import hashlib
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy

from bigdeep import sections
from bigdeep.errors import BadInput, first_line, require
from bigdeep.run import files

SUFFIX = ".safetensors"


def write(path: pathlib.Path, weights: Mapping, about: Mapping) -> None:
    """Writes a net. weights: {"params", "model_state"}. about: as JSON, at least the run's config and dataset."""
    tensors = {}
    for name, leaf in flat(weights).items():
        kind, _, rest = name.partition("/")
        rounds = kind == "params" and sections.rounds(about["config"]["model"], rest)
        tensors[name] = np.asarray(leaf).astype(ml_dtypes.bfloat16 if rounds else np.float32)
    metadata = {"format": "bigdeep 1", "bigdeep": json.dumps(about, sort_keys=True), "sha256": _sha256(tensors)}
    files.write_bytes(path, safetensors.numpy.save(tensors, metadata))


def about(path: pathlib.Path) -> dict:
    """What the file says of its net: config, dataset, and what else was written; BadInput where it is none."""
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
    except FileNotFoundError:
        raise BadInput(f"{path}: found no such file, expected a net in a file") from None
    except (OSError, safetensors.SafetensorError) as error:
        raise BadInput(f"{path}: found {first_line(error)}, expected a whole {SUFFIX} file") from None
    require("bigdeep" in metadata, str(path), "a file of something else", "a net that bigdeep exported")
    try:
        about = json.loads(metadata["bigdeep"])
    except ValueError:
        about = {}
    whole = isinstance(about, dict) and {"config", "dataset", "step"} <= about.keys()
    require(whole, str(path), "broken metadata", "a net that bigdeep exported")
    return about


def weights(path: pathlib.Path, abstract: Any) -> Any:
    """{"params", "model_state"} in the shapes of `abstract`, float32, verified; BadInput where they are others."""
    with safetensors.safe_open(path, framework="numpy") as file:
        sealed = file.metadata().get("sha256")
    tensors = safetensors.numpy.load_file(path)
    require(_sha256(tensors) == sealed, str(path), "other bytes than were written", "an intact file")
    wanted = {name: tuple(leaf.shape) for name, leaf in flat(abstract).items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    require(found == wanted, str(path), "weights of other shapes", "those of its config")
    leaves, tree = jax.tree.flatten(abstract)
    named = zip(flat(abstract), leaves, strict=True)
    return jax.tree.unflatten(tree, [jax.device_put(np.float32(tensors[name]), leaf.sharding) for name, leaf in named])


def flat(tree: Any) -> dict[str, Any]:
    """{"params/dense1/kernel": leaf, …} of nested dicts."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {"/".join(part.key for part in path): leaf for path, leaf in leaves}


def _sha256(tensors: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tensors[name].shape}\n".encode())
        digest.update(tensors[name].tobytes())
    return digest.hexdigest()
