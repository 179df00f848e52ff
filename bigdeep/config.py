"""Config sections become constructor calls: `dict(name="adamw", weight_decay=0.1)` -> `adamw(weight_decay=0.1)`.

No section is read key by key: each is splatted into the function it names, so a key that nothing reads
cannot stand in a config, and a default lives in one place, the config file.
"""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import ml_collections

from bigdeep.errors import BadInput, one_of


class BadValue(BadInput):
    """A value that a constructor refuses; on its way out, `call` puts the path of the section before it."""


def construct(where: str, choices: Mapping[str, Callable], section: Mapping, **context) -> Any:
    """Calls `choices[section["name"]]` with the section's other keys and what it wants of the context.

    where: the section's path in the config, for messages, e.g. "optimizer".
    context: values that do not stand in the section (image shape, number of steps); each is passed
      to constructors that have a parameter of this name.
    Raises BadValue for an unknown name, an unknown or missing key, and for what the constructor refuses.
    """
    check(isinstance(section, Mapping) and "name" in section, where, section, "a section with a name")
    arguments = dict(section)
    name = arguments.pop("name")
    choice(f"{where}.name", name, choices)
    return call(where, choices[name], arguments, **context)


def call(where: str, function: Callable, arguments: Mapping, **context) -> Any:
    """`function(**arguments)` plus what it wants of the context, with every misfit told in one line."""
    check(isinstance(arguments, Mapping), where, arguments, "a section of keys and values")
    parameters = inspect.signature(function).parameters
    own = [p for p in parameters if p not in context]
    for key in arguments:
        check(key in own, f"{where}.{key}", "an unknown key", one_of(own, key) if own else "no other key than the name")
    for key in own:
        missing = key not in arguments and parameters[key].default is inspect.Parameter.empty
        check(not missing, f"{where}.{key}", "no value", "one in the config file")
    given = {key: value for key, value in context.items() if key in parameters}
    try:
        return function(**arguments, **given)
    except BadValue as error:
        raise BadValue(f"{where}.{error}") from None


def check(condition: Any, what: str, found: Any, expected: str) -> None:
    """Raises `BadValue("what: found …, expected …")` unless the condition holds."""
    if not condition:
        raise BadValue(f"{what}: found {found!r}, expected {expected}")


def number(what: str, value: Any, low: float, high: float = float("inf"), *, above: bool = False) -> None:
    """Requires a real number with low <= value <= high, or low < value where `above`."""
    expected = f"a number {'>' if above else '>='} {low:g}" + (f" and <= {high:g}" if high < float("inf") else "")
    real = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    check(real and (low < value if above else low <= value) and value <= high, what, value, expected)


def integer(what: str, value: Any, low: int, high: int | None = None) -> None:
    """Requires an integer with low <= value <= high."""
    expected = f"an integer >= {low}" + (f" and <= {high}" if high is not None else "")
    whole = isinstance(value, int) and not isinstance(value, bool)
    check(whole and value >= low and (high is None or value <= high), what, value, expected)


def sequence(what: str, value: Any, expected: str) -> None:
    """Requires a list or tuple."""
    check(isinstance(value, Sequence) and not isinstance(value, str), what, value, f"a list: {expected}")


def choice(what: str, value: Any, choices: Iterable[str]) -> None:
    """Requires one of the names."""
    check(isinstance(value, str) and value in choices, what, value, one_of(choices, value))


def plain(value: Any) -> Any:
    """A config as dicts, lists and scalars, as JSON would give it back."""
    if isinstance(value, (Mapping, ml_collections.ConfigDict)):
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def differences(old: Any, new: Any, path: str = "config") -> list[str]:
    """One line for each key at which two plain configs differ: 'config.seed: 0 -> 1'."""
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = [(f"{path}.{key}", old.get(key), new.get(key)) for key in sorted({*old, *new})]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(f"{path}[{i}]", a, b) for i, (a, b) in enumerate(zip(old, new, strict=True))]
    else:
        return [] if old == new else [f"{path}: {old!r} -> {new!r}"]
    return [line for where, a, b in pairs for line in differences(a, b, where)]
