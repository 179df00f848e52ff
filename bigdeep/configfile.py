"""Config files: found by path or name, executed once, changed by overrides from the command line.

A config file is Python and gets executed. It defines get_config(variant) and VARIANTS, the names of its variants beside
"smoke", the first of which is the default; `mlp5.py:smoke` is the variant "smoke" of mlp5.py.
"""

import ast
import pathlib
import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import ml_collections

from bigdeep.errors import BadInput, first_line, one_of, require


def load(name: str) -> ml_collections.ConfigDict:
    """The config that FILE[:VARIANT] names, as its file gives it, with its name."""
    path, variant = find(name)
    module = _execute(path)
    require(hasattr(module, "get_config"), f"--config {path}", "no get_config", "a function get_config(variant)")
    known = [*getattr(module, "VARIANTS", ()), "smoke"]
    require(not variant or variant in known, "--config: the variant", variant, f"none or {one_of(known, variant)}")
    try:
        config = ml_collections.ConfigDict(module.get_config(*([variant] if variant else [])))
    except Exception as error:  # a config file is Python: anything can go wrong in it
        raise _broken(path, error) from error
    with config.unlocked():
        config.name = path.stem + (f":{variant}" if variant else "")
    return config


def find(name: str) -> tuple[pathlib.Path, str]:
    """The file and the variant that FILE[:VARIANT] names; FILE is a path, or the name of a file in configs/."""
    whole, (file, _, variant) = pathlib.Path(name).expanduser(), name.rpartition(":")
    if not whole.is_file() and file:
        whole = pathlib.Path(file).expanduser()
    else:
        file, variant = name, ""
    named = [folder / f"{file}.py" for folder in folders()] if re.fullmatch(r"\w+", file) else []
    path = next((path for path in (whole, *named) if path.is_file()), None)
    if path is None:
        near = [p.stem for folder in folders() for p in folder.glob("*.py")] if named else []
        if not named and whole.parent.is_dir():
            near = [str(p) for p in whole.parent.glob("*.py")]
        raise BadInput(f"--config: found no file {file!r}, expected {one_of(near, file) if near else 'a config file'}")
    return path, variant


def folders() -> list[pathlib.Path]:
    """Where configs are looked for by name: in ./configs, then in those of the checkout, or of the package."""
    package = pathlib.Path(__file__).parent
    places = (pathlib.Path("configs"), package.parent / "configs", package / "configs")
    return [place for place in dict.fromkeys(p.absolute() for p in places) if place.is_dir()]


def study(name: str) -> tuple[pathlib.Path, ModuleType]:
    """The study file that a path, or the name of a file in configs/studies/, names; executed."""
    named = {path.stem: path for path in studies()}
    path = pathlib.Path(name).expanduser() if pathlib.Path(name).expanduser().is_file() else named.get(name)
    if path is None:
        raise BadInput(f"--study: found no file {name!r}, expected {one_of(named, name) if named else 'a study file'}")
    return path, _execute(path)


def studies() -> list[pathlib.Path]:
    """The study files there are."""
    found = {path.stem: path for folder in reversed(folders()) for path in sorted((folder / "studies").glob("*.py"))}
    return [found[name] for name in sorted(found)]


def sibling(file: str, name: str) -> ModuleType:
    """The config file `name`.py beside `file`, for configs that say only in what they differ from it."""
    return _execute(pathlib.Path(file).with_name(f"{name}.py"))


def _execute(path: pathlib.Path) -> ModuleType:
    """The module of a file, without leaving byte code beside it."""
    module = ModuleType(f"config_{path.stem}")
    module.__file__ = str(path)
    try:
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
    except OSError:
        raise
    except Exception as error:
        raise _broken(path, error) from error
    return module


def _broken(path: pathlib.Path, error: Exception) -> BadInput:
    return BadInput(f"--config: found {type(error).__name__} in {path} ({first_line(error)}), expected a config file")


def variants_help(argv: list[str]) -> list[str]:
    """For --help: the variants of the config file on the command line, where there is one."""
    pairs = zip(argv, [*argv[1:], ""], strict=True)
    words = [f"--config={after}" if word == "--config" else word for word, after in pairs]
    given = [word.partition("=")[2] for word in words if word.startswith("--config=")]
    if not given:
        return []
    path, _ = find(given[-1])
    return [f"\n{path}:VARIANT, VARIANT one of {', '.join([*getattr(_execute(path), 'VARIANTS', ()), 'smoke'])}\n"]


def override(config: ml_collections.ConfigDict, path: str, text: str) -> None:
    """Sets the value at a path such as "config.augment[1].alpha"; BadInput where there is none of this name."""
    keys = [int(index) if index else name for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", path)]
    whole = "config" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    wellformed = keys and whole == path and isinstance(keys[0], str) and not keys[0][0].isdigit()
    require(wellformed, f"--{path}", "no key", "one like --config.seed or --config.augment[1].sigma")
    require(path != "config.name", f"--{path}", text, "another file: the name is that of the file")
    node: Any = config
    seen = "config"
    for key in keys[:-1]:
        node = _child(node, key, seen)
        seen += f"[{key}]" if isinstance(key, int) else f".{key}"
    old = _child(node, keys[-1], seen)
    new = _typed(path, text, old)
    if isinstance(node, ml_collections.ConfigDict):
        with node.ignore_type():
            node[keys[-1]] = new
    elif isinstance(node, tuple):
        raise BadInput(f"--{path}: found a place in a tuple, expected the whole value as --{seen}=(…)")
    else:
        node[keys[-1]] = new


def _child(node: Any, key: str | int, seen: str) -> Any:
    places: Any = node.keys() if isinstance(node, (Mapping, ml_collections.ConfigDict)) else ()
    if isinstance(node, (list, tuple)):
        places = range(len(node))
    expected = one_of(map(str, places), key) if places else "a value, not a key below it"
    require(key in places, f"--{seen}", f"an unknown key {key!r}", expected)
    try:
        return node[key]
    except ml_collections.config_dict.RequiredValueError:
        return None


def _typed(path: str, text: str, old: object) -> object:
    """The text as a value in the place of an old one: as it stands for a string, else as a Python literal."""
    if isinstance(old, str):
        return text
    if isinstance(old, bool):
        truth = {"true": True, "1": True, "false": False, "0": False}.get(text.lower())
        require(truth is not None, f"--{path}", text, "true or false")
        return truth
    new = value(path, text, {int: "an integer", float: "a number"}.get(type(old), "a Python literal"))
    return float(new) if isinstance(old, float) and type(new) is int else new


def value(path: str, text: str, expected: str = "a Python literal") -> object:
    """The text as a Python literal; BadInput where it is none."""
    try:
        return literal(text)
    except ValueError:
        raise BadInput(f"--{path}={text}: found {text!r}, expected {expected}") from None


def literal(text: str) -> object:
    """A Python literal, with dict(name=…) and divisions as 1/12 beside; ValueError for anything else."""
    try:
        return _evaluated(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, TypeError, ZeroDivisionError, RecursionError) as error:
        raise ValueError(f"{text!r} is no literal") from error


def _evaluated(node: ast.expr | None) -> Any:
    match node:
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords) if all(k.arg for k in keywords):
            return {keyword.arg: _evaluated(keyword.value) for keyword in keywords}
        case ast.Dict(keys=keys, values=values) if all(keys):
            return {_evaluated(key): _evaluated(value) for key, value in zip(keys, values, strict=True)}
        case ast.List(elts=items):
            return [_evaluated(item) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_evaluated(item) for item in items)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _evaluated(left) / _evaluated(right)
        case ast.Name(id="true" | "false" as name):
            return name == "true"
        case ast.expr():
            return ast.literal_eval(node)
    raise ValueError("a dict's ** is no literal")


def require_complete(config: ml_collections.ConfigDict) -> None:
    """Requires a value in the place of each placeholder."""
    for key in list(config):
        try:
            value = config[key]
        except ml_collections.config_dict.RequiredValueError:
            raise BadInput(f"config.{key}: found a placeholder, expected --config.{key}=VALUE") from None
        if isinstance(value, ml_collections.ConfigDict):
            require_complete(value)
