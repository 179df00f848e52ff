"""The common part of all commands: flags in, exit codes and one-line errors out."""

import errno
import pathlib
import runpy
import sys
from collections.abc import Callable, Sequence

import ml_collections
from absl import flags, logging
from ml_collections import config_flags
from ml_collections.config_flags import config_path

from bigdeep.errors import BadInput, Failed, Stopped, one_of, require


def define_config() -> None:
    """Defines --config=FILE[:VARIANT] and, for each key in the file, --config.KEY=VALUE."""
    config_flags.DEFINE_config_file("config", None, "config file; with :smoke behind it, its miniature")


def config() -> ml_collections.ConfigDict:
    """The config that the flags ask for, with its `name`: the file's stem, and the variant behind a colon."""
    flag = flags.FLAGS["config"]
    require(flag.value is not None, "--config", "nothing", "a file, for example --config=configs/mlp5.py")
    file, colon, variant = flag.config_filename.partition(":")
    with flag.value.unlocked():
        flag.value.name = pathlib.Path(file).stem + colon + variant
    return flag.value


def output(flag: str, suffix: str) -> pathlib.Path | None:
    """The file that a flag names, None for ""; BadInput unless it ends in `suffix` and can stand in its folder."""
    value = flags.FLAGS[flag].value
    if not value:
        return None
    path = pathlib.Path(value)
    require(path.suffix == suffix and not path.is_dir(), f"--{flag}", value, f"a file ending in {suffix}")
    require(path.absolute().parent.is_dir(), f"--{flag}", value, "a path in an existing folder")
    return path


def run(main: Callable[[], None], description: str) -> None:
    """Parses the flags, calls main() and ends the process: 0 done, 2 bad input, 75 stopped and saved, 1 else."""
    logging.set_verbosity(logging.FATAL)  # orbax logs the errors that it also raises, and those are told in one line
    try:
        _parse(sys.argv, description)
        main()
    except (BadInput, Failed, Stopped) as error:
        print(f"bigdeep: {error}", file=sys.stderr, flush=True)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"bigdeep: {error}; checkpoints so far are kept", file=sys.stderr, flush=True)
        sys.exit(Failed.exit_code)


def _parse(argv: Sequence[str], description: str) -> None:
    """Parses the command line, or raises BadInput in one line with the nearest valid name."""
    if {"--help", "-h", "-help", "--helpfull"} & set(argv):
        print(f"{description.strip()}\n\nFlags:\n{flags.FLAGS.module_help(sys.modules['__main__'])}")
        sys.exit(0)
    file = _config_file(argv)
    try:
        rest = flags.FLAGS(list(argv))
    except flags.Error as error:
        raise BadInput(_first_line(error)) from None
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        _explain_override(argv, file)
        raise BadInput(f"--config={file}: found {_first_line(error)}, expected keys and values of the file") from error
    require(len(rest) == 1, "command line", " ".join(rest[1:]), "flags only (--name=value)")


def _config_file(argv: Sequence[str]) -> str:
    """The value of --config in argv ("" without), once it is sure that its file can be loaded."""
    pairs = zip(argv, [*argv[1:], ""], strict=True)
    words = [f"--config={after}" if word == "--config" else word for word, after in pairs]
    given = [word.removeprefix("--config=") for word in words if word.startswith("--config=")]
    if not given:
        return ""
    path, _, variant = given[-1].partition(":")
    if not pathlib.Path(path).is_file():
        folder = pathlib.Path(path).parent
        near = one_of([str(p) for p in folder.glob("*.py")], path) if folder.is_dir() else "an existing file"
        raise BadInput(f"--config: found no file {path!r}, expected {near}")
    try:
        _load(given[-1])
    except Exception as error:  # a config file is Python: anything can go wrong in it
        if isinstance(error, KeyError) and error.args == (variant,):
            variants = ["smoke", *runpy.run_path(path).get("VARIANTS", [])]
            raise BadInput(
                f"--config: found the variant {variant!r}, expected none or {one_of(variants, variant)}"
            ) from None
        raise BadInput(
            f"--config: found {type(error).__name__} in {path} ({_first_line(error)}), expected a config file"
        ) from error
    return given[-1]


def _load(file: str) -> ml_collections.ConfigDict:
    """The config as its file gives it, before any override."""
    path, _, variant = file.partition(":")
    return runpy.run_path(path)["get_config"](*([variant] if variant else []))


def _explain_override(argv: Sequence[str], file: str) -> None:
    """Raises BadInput for the first --config.PATH whose path does not lead through the config."""
    for argument in argv:
        if argument.startswith("--config."):
            path = argument.removeprefix("--").partition("=")[0]
            node, seen = _load(file), "config"
            for key in _split(path):
                keys = _keys(node)
                expected = one_of(keys, key) if keys else "a value, not a key below it"
                require(str(key) in keys, f"--{seen}", f"an unknown key {key!r}", expected)
                node, seen = node[key], f"{seen}.{key}" if isinstance(key, str) else f"{seen}[{key}]"


def _split(path: str) -> Sequence[str | int]:
    """The keys of 'config.augment[1].sigma' below the config: 'augment', 1, 'sigma'."""
    try:
        return config_path.split(path)[1:]
    except ValueError:
        raise BadInput(
            f"--{path}: found no key, expected one like --config.seed or --config.augment[1].sigma"
        ) from None


def _keys(node: object) -> list[str]:
    """The keys or positions below a node of a config."""
    if isinstance(node, (list, tuple)):
        return [str(i) for i in range(len(node))]
    return list(map(str, node.keys())) if isinstance(node, (dict, ml_collections.ConfigDict)) else []


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
