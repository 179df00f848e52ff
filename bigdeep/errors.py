"""How bigdeep ends: each exception is one line for the user and one exit code."""

import difflib
import sys
from collections.abc import Iterable
from typing import Any, TypeVar

T = TypeVar("T")


class BadInput(Exception):
    """The user gave something unusable: what, what was found, what was expected. Exit code 2."""

    exit_code = 2

    def __init__(self, message: str):
        super().__init__(message.replace("\n", "\\n"))  # of a file's name, say: one line it stays


class Failed(Exception):
    """The run cannot go on, through no fault of the command line (NaN, full disk). Exit code 1."""

    exit_code = 1


class Diverged(Failed):
    """Loss, gradient or weights are not finite any more."""


class Stopped(Exception):
    """A signal ended the run and everything is saved; start it again to resume. Exit code 75."""

    exit_code = 75


def require(value: T | None, what: str, found: Any, expected: str, error: type[BadInput] = BadInput) -> T:
    """The value; raises `error("what: found …, expected …")` where it is false, empty or None."""
    if not value:
        raise error(f"{what}: found {found!r}, expected {expected}")
    return value


def one_of(choices: Iterable[str], found: Any) -> str:
    """'one of a, b, c', with the choice nearest to what was found."""
    choices = sorted(choices)
    near = difflib.get_close_matches(str(found), choices, n=1, cutoff=0.5)
    return f"one of {', '.join(choices)}" + (f" (did you mean {near[0]!r}?)" if near else "")


def first_line(error: BaseException) -> str:
    """The first line of an error's text, at most 300 characters; the name of its type where it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]


def tell(line: str) -> None:
    """Writes a line to standard error. Where nobody can read it any more (closed, broken pipe), nothing happens."""
    if sys.stderr is None:
        return
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        sys.stderr = None
