"""bigdeep: big, deep, simple nets on endlessly deformed images, in JAX."""

import importlib
import sys
from typing import TYPE_CHECKING, Any

__version__ = "0.3.0"
__all__ = ("Net", "Run", "config", "deform", "load", "train")

if TYPE_CHECKING:
    from bigdeep.api import Net as Net
    from bigdeep.api import Run as Run
    from bigdeep.api import config as config
    from bigdeep.api import deform as deform
    from bigdeep.api import load as load
    from bigdeep.api import train as train

if sys.platform == "win32":
    raise ImportError("bigdeep needs Linux or macOS, for file locks and signals; on Windows use WSL")


def __getattr__(name: str) -> Any:
    """What bigdeep/api.py offers, imported when it is first asked for: JAX takes a second."""
    if name in __all__:
        return getattr(importlib.import_module("bigdeep.api"), name)
    raise AttributeError(f"module 'bigdeep' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
