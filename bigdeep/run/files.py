"""Files that are there whole or not at all, and folders that belong to one process."""

import contextlib
import errno
import fcntl
import io
import json
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from bigdeep.errors import BadInput, tell
from bigdeep.place import in_bucket, put, reach

# What flock says on file systems that have no locks (Lustre, some NFS).
UNSUPPORTED = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes a file so that it is there whole or not at all, on disk when this returns."""
    write_bytes(path, text.encode("utf-8"))


def write_arrays(path: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes an .npz file, packed, as a whole."""
    content = io.BytesIO()
    np.savez_compressed(content, **dict[str, Any](arrays))
    write_bytes(path, content.getvalue())


def write_bytes(path: pathlib.Path, content: bytes) -> None:
    """Writes a file so that it is there whole or not at all, on disk when this returns."""
    if in_bucket(path):
        put(path, content)
        return
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def write_json(path: pathlib.Path, value: Mapping) -> None:
    """Writes a JSON file as a whole."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


@contextlib.contextmanager
def claim(folder: pathlib.Path) -> Iterator[None]:
    """Creates a run folder and holds it for this process; the kernel lets go when the process ends in any way.

    Raises BadInput where another process holds it or no folder can be made. Where the file system has no locks, as in a
    bucket, says so and goes on.
    """
    if in_bucket(folder):
        reach(folder)
        tell(f"bigdeep: {folder} lies in a bucket, which has no locks: see to it that no other run uses it")
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("a")
    except OSError as error:
        raise BadInput(f"--workdir: found {folder} ({error.strerror}), expected a folder to write in") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                taken = f"--workdir: found {folder} in use by another run, expected a folder of its own"
                raise BadInput(taken) from None
            tell(f"bigdeep: {folder} lies on a file system without locks: see to it that no other run uses it")
        yield
