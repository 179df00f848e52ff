"""Imports point one way, and each library is imported in one place."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parent.parent / "bigdeep"
# Each module may import those before it in its line's groups only: base <- leaves <- middle <- top.
LAYERS = [
    {"", "errors"},
    {"config", "diagnosis"},
    {
        "augment",
        "checkpoint",
        "data",
        "losses",
        "models",
        "optim",
        "runtime",
        "schedules",
        "step",
        "tfds",
        "writer",
        "cli",
    },
    {"mixup"},
    {"experiment"},
    {"evaluate", "program", "tables"},
    {"train", "figures", "mistakes", "dry_run", "gradcheck", "trace"},
    {"results"},
    {"main", "__main__"},
]
ALLOWED_WITHIN_A_LAYER = {("data", "tfds"), ("augment", "models")}  # the generator is a net
ONLY_IN = {
    "flax": {"models"},
    "orbax": {"checkpoint"},
    "tensorflow_datasets": {"tfds"},
    "absl": {"cli", "main", "__main__", "evaluate", "gradcheck", "mistakes", "results", "trace"},
    "matplotlib": {"figures"},
    "ml_collections": {"cli", "config"},
    "tqdm": {"writer"},
}
FILES = sorted(ROOT.rglob("*.py"))


def package(path: pathlib.Path) -> str:
    """The name of a file's module below bigdeep; files of a sub-package count as the package, but for its commands."""
    if path.name == "__main__.py":
        return "__main__"
    return path.relative_to(ROOT).parts[0].removesuffix(".py").replace("__init__", "")


def imported(path: pathlib.Path) -> set[str]:
    """Dotted names that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def layer(name: str) -> int:
    return next(i for i, names in enumerate(LAYERS) if name in names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path):
    importer = package(path)
    for name in imported(path):
        if name == "bigdeep" or not name.startswith("bigdeep."):
            continue
        module = name.split(".")[1].replace("__version__", "")
        if module == importer or (importer, module) in ALLOWED_WITHIN_A_LAYER:
            continue
        assert layer(module) < layer(importer), f"{importer} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_each_library_has_its_place(path):
    for name in imported(path):
        library = name.split(".")[0]
        assert package(path) in ONLY_IN.get(library, {package(path)}), f"{path.name} imports {library}"
