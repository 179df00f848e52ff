"""Where a run lies: on a disk, or in a bucket, gs://BUCKET/…, by etils' epath and gcsfs. Their only import.

An object in a bucket is there whole or not at all, whatever process writes it; it cannot be locked or appended to.
"""

import os
import pathlib
from collections.abc import Iterator

from bigdeep.errors import BadInput, Failed, first_line, require

BUCKET = "gs://"
LIBRARIES = ("aiohttp.", "gcsfs.", "google.auth.")  # whose errors mean that a bucket cannot be reached
PATTERNS = "[]*?#\\"  # orbax and gcsfs read them in a path as patterns, or as the end of it


def place(name: str | os.PathLike) -> pathlib.Path:
    """The path that a name means, ~ the user's home; of one in a bucket a path that can do the same.

    Raises BadInput where gcsfs is not installed, and for a path in a bucket with a character of PATTERNS.
    """
    text = os.fspath(name)
    if not text.startswith(BUCKET):
        return pathlib.Path(text).expanduser()
    require(text.removeprefix(BUCKET).partition("/")[0], text, "no bucket", f"{BUCKET}BUCKET/FOLDER")
    require(not set(PATTERNS) & set(text), text, "a pattern", f"a path without any of {PATTERNS}")
    try:
        import fsspec  # noqa: PLC0415 - an extra
        import gcsfs  # noqa: F401, PLC0415 - the same; fsspec imports it when it is needed
        from etils import epath  # noqa: PLC0415 - for buckets only
    except ModuleNotFoundError as error:
        raise BadInput(f"{text}: found no {error.name}, expected pip install 'bigdeep[gcs]'") from None
    fsspec.config.conf.setdefault("gcs", {})["use_listings_cache"] = False  # other processes write there as well
    return epath.Path(text)


def folders(value: str, setting: str) -> list[pathlib.Path]:
    """The folders that a setting names, with commas between them; one whose own name has a comma is found as well."""
    wanted = "the folder of a run, or several with commas between them"
    require(isinstance(value, str), setting, value, wanted)
    parts, found = value.split(","), []
    while parts:
        joined = [",".join(parts[:n]) for n in range(len(parts), 0, -1)]
        name = next((name for name in joined if name and place(name).is_dir()), parts[0])
        require(name, setting, value, wanted)
        found.append(place(name))
        parts = parts[name.count(",") + 1 :]
    return found


def in_bucket(path: pathlib.Path) -> bool:
    """Whether it is one in a bucket."""
    return os.fspath(path).startswith(BUCKET)


def unreached(error: BaseException) -> bool:
    """Whether an error says that a bucket cannot be reached: no network, no rights, no credentials."""
    return f"{type(error).__module__}.".startswith(LIBRARIES)


def absolute(path: pathlib.Path) -> pathlib.Path:
    """The same place, whatever the current folder is, without any "." and ".."."""
    return path if in_bucket(path) else pathlib.Path(os.path.abspath(path))


def below(folder: pathlib.Path, strict: bool = False) -> Iterator[pathlib.Path]:
    """The files in a folder and the folders in it; those that cannot be listed are left out, or raise OSError."""

    def onerror(error: OSError) -> None:
        if strict:
            raise error

    if not in_bucket(folder):
        for root, _, names in os.walk(folder, onerror=onerror):
            yield from (pathlib.Path(root, name) for name in names)
        return
    for where, _, names in type(folder).walk(folder, on_error=onerror):  # epath's, which leaves out gs://
        yield from (place(BUCKET + os.fspath(where).removeprefix(BUCKET)) / name for name in names)


def move(folder: pathlib.Path, to: pathlib.Path) -> None:
    """Moves a folder to where there is none; in a bucket, which has no folders, object by object."""
    if not in_bucket(folder):
        to.parent.mkdir(exist_ok=True)
        folder.rename(to)
        return
    for path in list(below(folder)):
        put(to / path.relative_to(folder), path.read_bytes())
    type(folder).rmtree(folder)  # epath's


def put(path: pathlib.Path, content: bytes) -> None:
    """Writes an object of a bucket. Raises Failed where that cannot be done, after the retries of gcsfs."""
    try:
        path.write_bytes(content)
    except Exception as error:  # aiohttp's, google.auth's and gcsfs's own kinds
        raise Failed(f"{path}: could not be written ({first_line(error)})") from None


def reach(folder: pathlib.Path) -> None:
    """Raises BadInput where a folder of a bucket cannot be written to: no such bucket, no rights, no network."""
    try:
        put(folder / ".lock", b"")
    except Failed as error:
        raise BadInput(f"--workdir: found {first_line(error)}, expected a folder to write in") from None
