"""The user's cache folder: what bigdeep keeps there can be deleted at any time and is made or fetched again."""

import os
import pathlib
import tempfile


def folder(name: str) -> pathlib.Path:
    """$XDG_CACHE_HOME/bigdeep/NAME, else ~/.cache/bigdeep/NAME; for users without a home, as containers have, below a
    temporary folder of their own. Not created."""
    if os.environ.get("XDG_CACHE_HOME"):
        return pathlib.Path(os.environ["XDG_CACHE_HOME"], "bigdeep", name)
    try:
        return pathlib.Path.home() / ".cache" / "bigdeep" / name
    except RuntimeError:
        return pathlib.Path(tempfile.gettempdir()) / f"cache-{os.getuid()}" / "bigdeep" / name
