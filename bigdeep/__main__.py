"""python -m bigdeep, or bigdeep: says which commands there are, and runs them.

bigdeep train mlp3                 python -m bigdeep.main --config=mlp3
bigdeep predict photo.jpg          python -m bigdeep.predict photo.jpg
bigdeep tools.sheet --config=…     python -m bigdeep.tools.sheet --config=…
"""

import ast
import pathlib
import runpy
import sys

from bigdeep import __version__
from bigdeep.errors import one_of, tell

ROOT = pathlib.Path(__file__).parent


def commands() -> dict[str, str]:
    """{module: the first line of its docstring} of all commands, read without importing them."""
    found = {}
    for path in [
        *sorted(ROOT.glob("*.py")),
        *sorted(ROOT.glob("*/__main__.py")),
        *sorted((ROOT / "tools").glob("*.py")),
    ]:
        text = path.read_text(encoding="utf-8")
        if "cli.run(main" in text and path != ROOT / "__main__.py":
            module = ".".join(["bigdeep", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__main__")
            found[module] = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    return found


def main() -> None:
    """The console script: bigdeep COMMAND …"""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--version"]:
        print(f"bigdeep {__version__}")
        return
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print("Commands (python -m NAME --help says more; bigdeep NAME does the same, bigdeep train CONFIG trains):\n")
        for name, line in commands().items():
            print(f"  {name:<30} {line}")
        return
    name, *rest = arguments
    if name == "train":
        name, rest = "main", [f"--config={word}" if i == 0 and word[:1] != "-" else word for i, word in enumerate(rest)]
    module = f"bigdeep.{name}"
    if module not in commands():
        known = [each.removeprefix("bigdeep.") for each in commands() if each != "bigdeep.main"]
        tell(f"bigdeep: command line: found {name!r}, expected {one_of(['train', *known], name)}")
        sys.exit(2)
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
