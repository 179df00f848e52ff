"""bigdeep: big, deep, simple nets on endlessly deformed images, in JAX."""

__version__ = "0.2.0"
