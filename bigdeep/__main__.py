"""python -m bigdeep: says which commands there are."""

import ast
import pathlib

ROOT = pathlib.Path(__file__).parent


def commands() -> dict[str, str]:
    """{module: the first line of its docstring} of all commands, read without importing them."""
    found = {}
    for path in [*sorted(ROOT.glob("*.py")), *sorted((ROOT / "tools").glob("*.py"))]:
        text = path.read_text(encoding="utf-8")
        if "cli.run(main" in text and path.name != "__main__.py":
            module = ".".join(["bigdeep", *path.relative_to(ROOT).with_suffix("").parts])
            found[module] = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    return found


if __name__ == "__main__":
    print("Commands (python -m NAME --help says more):\n")
    for name, line in commands().items():
        print(f"  {name:<30} {line}")
