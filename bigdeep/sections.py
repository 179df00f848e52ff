"""Config sections become constructor calls: `dict(name="adamw", weight_decay=0.1)` -> `adamw(weight_decay=0.1)`.

No section is read key by key: each is splatted into the function it names, so a key that nothing reads
cannot stand in a config, and a default lives in one place, the config file. The functions here that check a value are
called once for each, in the innermost constructor.
"""

import functools
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import ml_collections

from bigdeep.errors import BadInput, one_of, require


class BadValue(BadInput):
    """A value that a constructor refuses; on its way out, `call` puts the path of the section before it."""


check = functools.partial(require, error=BadValue)


def construct(where: str, choices: Mapping[str, Callable], section: Mapping, **context) -> Any:
    """Calls `choices[section["name"]]` with the section's other keys and those context values it has parameters for.

    where: the section's path in the config, for messages, e.g. "optimizer".
    context: values that do not stand in the section (image shape, number of steps).
    Raises BadValue for an unknown name, an unknown or missing key, and for what the constructor refuses.
    """
    check(isinstance(section, Mapping) and "name" in section, where, section, "a section with a name")
    arguments = dict(section)
    name = arguments.pop("name")
    choice(f"{where}.name", name, choices)
    return call(where, choices[name], arguments, **context)


def call(where: str, function: Callable, arguments: Mapping, **context) -> Any:
    """`function(**arguments)` plus the context values it has parameters for; every misfit is told in one line."""
    check(isinstance(arguments, Mapping), where, arguments, "a section of keys and values")
    parameters = inspect.signature(function).parameters
    keys = [p for p in parameters if p not in context]
    for key in arguments:
        known = one_of(keys, key) if keys else "no other key than the name"
        check(key in keys, f"{where}.{key}", "an unknown key", known)
    for key in keys:
        missing = key not in arguments and parameters[key].default is inspect.Parameter.empty
        check(not missing, f"{where}.{key}", "no value", "one in the config file")
    given = {key: value for key, value in context.items() if key in parameters}
    try:
        return function(**arguments, **given)
    except BadValue as error:
        raise BadValue(f"{where}.{error}") from None


def number(what: str, value: Any, interval: str = "(-inf, inf)") -> None:
    """Requires a finite real number in an interval such as "[0, 1)" or "(0, inf)"."""
    real = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    within = f" in {interval}" if interval != "(-inf, inf)" else ""
    check(real and _inside(value, interval), what, value, f"a number{within}")


def integer(what: str, value: Any, interval: str) -> None:
    """Requires an integer in an interval such as "[1, inf)"."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    check(whole and _inside(value, interval), what, value, f"an integer in {interval}")


def _inside(value: float, interval: str) -> bool:
    low, high = map(float, interval[1:-1].split(","))
    above = low <= value if interval[0] == "[" else low < value
    return above and (value <= high if interval[-1] == "]" else value < high)


def sequence(what: str, value: Any, expected: str) -> None:
    """Requires a list or tuple."""
    check(isinstance(value, Sequence) and not isinstance(value, str), what, value, f"a list: {expected}")


def choice(what: str, value: Any, choices: Iterable[str]) -> None:
    """Requires one of the names."""
    check(isinstance(value, str) and value in choices, what, value, one_of(choices, value))


def nets(model: Mapping) -> Sequence[Mapping]:
    """The sections of the nets that a section `model` is of: a committee's members, or the one that it describes."""
    return model["members"] if model["name"] == "committee" else [model]


def layer_names(kinds: Sequence[str]) -> list[str]:
    """What the layers of a stack are called: each by its kind and number, "output" for the last."""
    return [*(f"{kind}{kinds[: i + 1].count(kind)}" for i, kind in enumerate(kinds[:-1])), "output"]


def rounds(model: Mapping, name: str) -> bool:
    """Whether a net multiplies this one of its params, "dense1/kernel", rounded to bfloat16 (models/product.py)."""
    layer, _, rest = name.partition("/")
    if model["name"] == "committee":
        return rounds(model["members"][int(layer.removeprefix("member")) - 1], rest)
    if model["name"] == "stack":
        named = dict(zip(layer_names([each["name"] for each in model["layers"]]), model["layers"], strict=True))
        model = named[layer]
    return model.get("precision") == "bfloat16" and name.endswith("/kernel")


def plain(value: Any) -> Any:
    """A config as dicts, lists and scalars, as JSON would give it back."""
    if isinstance(value, (Mapping, ml_collections.ConfigDict)):
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def unrounded(value: Any) -> Any:
    """A config whose products all have the precision of their factors."""
    if isinstance(value, Mapping):
        return {key: "float32" if key == "precision" else unrounded(item) for key, item in value.items()}
    return [unrounded(item) for item in value] if isinstance(value, list) else value


def differences(old: Any, new: Any, path: str = "config") -> list[str]:
    """One line for each key at which two plain configs differ: 'config.seed: 0 -> 1'."""
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = [(f"{path}.{key}", old.get(key), new.get(key)) for key in sorted({*old, *new})]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(f"{path}[{i}]", a, b) for i, (a, b) in enumerate(zip(old, new, strict=True))]
    else:
        return [] if old == new else [f"{path}: {old!r} -> {new!r}"]
    return [line for where, a, b in pairs for line in differences(a, b, where)]
