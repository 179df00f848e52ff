"""bigdeep: big, deep, simple nets on endlessly deformed images, in JAX."""

import sys

__version__ = "0.2.0"

if sys.platform == "win32":
    raise ImportError("bigdeep needs Linux or macOS, for file locks and signals; on Windows use WSL")
