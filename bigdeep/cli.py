"""The common part of all commands: flags in, exit codes and one-line errors out."""

import errno
import logging as python_logging
import os
import pathlib
import re
import sys
import warnings
from collections.abc import Callable

import ml_collections
from absl import flags, logging

from bigdeep import configfile, place
from bigdeep.errors import BadInput, Failed, Stopped, first_line, one_of, require, tell

# Overrides on the command line, --config.KEY=VALUE, taken out of it before absl sees the rest.
_overrides: dict[str, str] = {}
# What stands behind the flags, for commands that take files there.
_words: list[str] = []


def define_config() -> None:
    """Defines --config=FILE[:VARIANT]; with it, --config.KEY=VALUE sets any key of the file."""
    flags.DEFINE_string("config", None, "config file, or its name; behind a colon a variant, as :smoke, its miniature")


def define_platform() -> None:
    """Defines --platform, to refuse to go on with other devices."""
    flags.DEFINE_enum("platform", "", ["", "cpu", "gpu", "tpu"], "what has to be there; the best there is if not given")


def define_processes() -> None:
    """Defines what several processes that train together are told, where no scheduler tells them."""
    define_platform()
    coordinator = "HOST:PORT of process 0, for several processes; auto: as JAX finds it on Cloud TPUs and Kubernetes"
    flags.DEFINE_string("coordinator", "", f"{coordinator}; Slurm and Open MPI tell it")
    flags.DEFINE_integer("num_processes", 0, "how many processes train together", lower_bound=0)
    flags.DEFINE_integer("process_id", -1, "which of them this is, from 0", lower_bound=-1)


def config() -> ml_collections.ConfigDict:
    """The config that the flags ask for, with its `name`: the file's stem, and the variant behind a colon."""
    value = flags.FLAGS.config
    require(value, "--config", "nothing", "a file, for example --config=configs/mlp5.py")
    found = configfile.load(value)
    for path, text in _overrides.items():
        configfile.override(found, path, text)
    configfile.require_complete(found)
    return found


def overrides(section: str) -> dict[str, object]:
    """{key: value} of the overrides --SECTION.KEY=VALUE, for commands that take no other."""
    values = {}
    for path, text in _overrides.items():
        require(path.startswith(f"{section}."), f"--{path}", text, f"only keys of {section} in this command")
        values[path.removeprefix(f"{section}.")] = configfile.value(path, text)
    return values


def words() -> list[str]:
    """What stands behind the flags, of commands that take it."""
    return list(_words)


def folders(value: str) -> list[pathlib.Path]:
    """The folders that --workdir names, with commas between them."""
    return place.folders(value, "--workdir")


def folder(value: str) -> pathlib.Path:
    """The one folder that a flag names."""
    found = folders(value)
    require(len(found) == 1, "--workdir", value, "one run, in this command")
    return found[0]


def output(flag: str, suffix: str) -> pathlib.Path:
    """The file that a flag names; BadInput unless it ends in `suffix` and can stand in its folder."""
    value = flags.FLAGS[flag].value
    return require(optional_output(flag, suffix), f"--{flag}", value, f"a file ending in {suffix}")


def optional_output(flag: str, suffix: str) -> pathlib.Path | None:
    """The same; None for ""."""
    value = flags.FLAGS[flag].value
    if not value:
        return None
    path = pathlib.Path(value).expanduser()
    require(path.suffix == suffix and not path.is_dir(), f"--{flag}", value, f"a file ending in {suffix}")
    require(path.absolute().parent.is_dir(), f"--{flag}", value, "a path in an existing folder")
    return path


def run(main: Callable[[], None], description: str | None, words: str = "", overrides: bool = False) -> None:
    """Parses the flags, calls main() and ends the process: 0 done, 2 bad input, 75 stopped and saved, 1 else.

    words: what may stand behind the flags, for `words`; "" for nothing. overrides: whether main() takes
    --config.KEY=VALUE without a --config.
    """
    logging.set_verbosity(logging.FATAL)  # orbax logs the errors that it also raises, and those are told in one line
    for library in ("asyncio", "gcsfs"):  # as do its tasks, one by one, and what reaches for a bucket
        python_logging.getLogger(library).setLevel(python_logging.CRITICAL)
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    sys.unraisablehook = lambda _: None  # what they leave behind complains when it is collected
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="backslashreplace")  # a terminal that has no ± is no reason to stop
    try:
        _parse(sys.argv, description or "", words)
        taken = overrides or "config" in flags.FLAGS
        require(taken or not _overrides, f"--{next(iter(_overrides), '')}", "a key of a config", "none in this command")
        main()
        if sys.stdout is not None:
            sys.stdout.flush()
    except (BadInput, Failed, Stopped) as error:
        _end(f"bigdeep: {error}", error.exit_code)
    except Exception as error:
        if place.unreached(error):
            _end(f"bigdeep: bucket: {first_line(error)}; checkpoints so far are kept", Failed.exit_code)
        if not isinstance(error, OSError) or not _told(error):
            raise


def _told(error: OSError) -> bool:
    """Ends in one line for an error of the system's; True where there is nothing to tell, as who reads is gone."""
    if error.filename is None and error.errno in (errno.EPIPE, errno.EIO):
        sys.stdout = None
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return True
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        _end(f"bigdeep: {error}; checkpoints so far are kept", Failed.exit_code)
    if error.filename is not None:
        _end(f"bigdeep: {os.fsdecode(error.filename)}: {error.strerror}", BadInput.exit_code)
    return False


def _end(line: str, code: int) -> None:
    """Says the line and ends the process at once: after a failed save, orbax's threads would keep it for minutes."""
    tell(line)
    if code == Failed.exit_code:
        os._exit(code)
    sys.exit(code)


def _parse(argv: list[str], description: str, words: str) -> None:
    """Parses the command line, or raises BadInput in one line with the nearest valid name."""
    if {"--help", "-h", "-help", "--helpfull"} & set(argv):
        both = (flags.FLAGS.module_help(sys.modules[name]) for name in ("__main__", __name__))
        print("\n".join([description.strip(), "\nFlags:", *both]))
        print("".join(configfile.variants_help(argv)), end="")
        sys.exit(0)
    try:
        rest = flags.FLAGS(_without_overrides(argv))
    except flags.UnrecognizedFlagError as error:
        known = [
            f.name for name in ("__main__", __name__) for f in flags.FLAGS.get_key_flags_for_module(sys.modules[name])
        ]
        raise BadInput(f"--{error.flagname}: found an unknown flag, expected {one_of(known, error.flagname)}") from None
    except flags.IllegalFlagValueError as error:
        raise BadInput(_misfit(str(error))) from None
    except flags.Error as error:
        raise BadInput(first_line(error)) from None
    require(words or len(rest) == 1, "command line", " ".join(rest[1:]), "flags only (--name=value)")
    _words.extend(rest[1:])


def _misfit(said: str) -> str:
    """absl's message on the value of a flag as bigdeep's: what, found, expected."""
    found = re.match(r"flag --(\w+)=(.*?): ", said, re.DOTALL)
    if not found or found[1] not in flags.FLAGS:
        return said.splitlines()[0]
    flag = flags.FLAGS[found[1]]
    kind = getattr(flag.parser, "syntactic_help", "")
    wanted = f"{kind}: {flag.help}" if kind else flag.help
    if isinstance(flag, flags.EnumFlag):
        wanted = one_of(flag.parser.enum_values, found[2])
    return f"--{found[1]}: found {'no value' if found[2] == 'None' else repr(found[2])}, expected {wanted}"


def _without_overrides(argv: list[str]) -> list[str]:
    """The command line less its overrides, which are kept."""
    rest, words = argv[:1], iter(argv[1:])
    for word in words:
        if word.lstrip("-").startswith("config.") and word.startswith("-"):
            path, equals, text = word.lstrip("-").partition("=")
            value = text if equals else next(words, None)
            if value is None:
                raise BadInput(f"--{path}: found no value, expected --{path}=VALUE")
            _overrides[path] = value
        else:
            rest.append(word)
    return rest
