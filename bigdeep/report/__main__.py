r"""A page on a run: error, curves, every mistake, calibration, what the net was shown. Written at the end of every run.

  python -m bigdeep.report --workdir=runs/mlp5                         writes runs/mlp5/report.html
  python -m bigdeep.report --workdir=runs/mlp5 --serve                 on 127.0.0.1, following a run that trains
  python -m bigdeep.report --workdir=runs/mlp5,runs/mlp5-seed1         both beside each other, and as a committee
  python -m bigdeep.report --workdir=runs                              an index of all runs in a folder

The page is one file that holds all it shows and opens from disk; --output=FILE.html writes it elsewhere than in the
folder. Prints where it lies.
"""

import pathlib

from absl import flags

from bigdeep import cli
from bigdeep.errors import require
from bigdeep.report import comparison, page
from bigdeep.report.run import Run, runs_below
from bigdeep.report.serve import serve
from bigdeep.run import files


def main() -> None:
    """Writes or serves the page that the flags ask for."""
    options, output = flags.FLAGS, cli.optional_output("output", ".html")
    folders = cli.folders(options.workdir)
    for folder in folders:
        wanted = "one that a run was trained in; a net in a file has no curves"
        require(folder.is_dir(), f"--workdir {folder}", "no such folder", wanted)
    if len(folders) > 1:
        make, default = _comparison, pathlib.Path("comparison.html")
    elif (folders[0] / "config.json").exists():
        make, default = _page, folders[0] / "report.html"
    else:
        require(runs_below(folders[0]), f"--workdir {folders[0]}", "no run in it", "a run's folder, or one of several")
        make, default = _index, folders[0] / "index.html"
    path = output or default
    if options.serve:
        serve(lambda: make(folders, path, live=True), options.port)
        return
    files.write_text(path, make(folders, path))
    print(path)


def _page(folders: list[pathlib.Path], path: pathlib.Path, live: bool = False) -> str:
    return page.of_run(Run(folders[0]), live)


def _comparison(folders: list[pathlib.Path], path: pathlib.Path, live: bool = False) -> str:
    return comparison.of_several([Run(folder) for folder in folders], path.parent)


def _index(folders: list[pathlib.Path], path: pathlib.Path, live: bool = False) -> str:
    return comparison.of_several(runs_below(folders[0]), path.parent, index=True)


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "a run's folder, several with commas, or one of many", required=True)
    flags.DEFINE_string("output", "", "the .html file to write; in the folder if not given")
    flags.DEFINE_bool("serve", False, "show it on 127.0.0.1 instead, up to date at every look")
    flags.DEFINE_integer("port", 0, "where to; 0 for any free one", lower_bound=0, upper_bound=65535)
    cli.run(main, __doc__)
