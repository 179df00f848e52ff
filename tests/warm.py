"""Commands of bigdeep in processes that are forked from one that has imported everything: 0.2 s instead of 3 s each.

Each is a process of its own, run as `python -m MODULE ARGUMENTS` would run it, with warnings as errors.
"""

import multiprocessing
import os
import pathlib
import runpy
import subprocess
import sys
import tempfile
import traceback
import warnings

ROOT = pathlib.Path(__file__).parent.parent
IMPORTED = tuple(f"bigdeep.{name}" for name in ("main", "predict", "export"))
IMPORTED += tuple(f"bigdeep.tools.{name}" for name in ("publish", "gradcheck", "mistakes"))
# What is read when a library is imported cannot be set in a process that has imported it.
SETTABLE = ("XLA_FLAGS", "BIGDEEP_DATA_DIR", "TFDS_DATA_DIR", "XDG_CACHE_HOME")

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([*IMPORTED, "warm"])


def start(module: str, arguments: list[str], folder: str) -> multiprocessing.Process:
    """The command, begun; what it prints goes to the files "out" and "err" in a folder."""
    process = _context.Process(target=_run, args=(module, arguments, {}, folder))
    process.start()
    return process


def run(module: str, arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess:
    """The command to its end, which has to come within two minutes."""
    with tempfile.TemporaryDirectory() as folder:
        process = _context.Process(target=_run, args=(module, arguments, environment, folder))
        process.start()
        process.join(120)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"{module} {arguments}")
        out, err = (pathlib.Path(folder, name).read_text() for name in ("out", "err"))
    return subprocess.CompletedProcess([module, *arguments], process.exitcode, out, err)


def _run(module: str, arguments: list[str], environment: dict[str, str], folder: str) -> None:
    os.environ.update(environment)
    sys.path.insert(0, str(ROOT))
    os.chdir(ROOT)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT), number)
    sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))  # noqa: SIM115
    sys.argv = [module, *arguments]
    warnings.simplefilter("error")
    sys.modules.pop(module, None)  # imported, but not yet run
    code = 1
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
        os._exit(code)
