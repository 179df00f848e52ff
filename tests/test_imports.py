"""Imports point one way, and each library is imported in one place."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent / "bigdeep"
# Each module may import those of the groups before its own, and those of its own package.
LAYERS = [
    {"errors"},
    {"cache", "compiler", "sections", "configfile", "place"},
    {"cli", "data", "models", "run"},
    {"augment", "learn", "step"},
    {"run.folder", "report"},
    {"experiment"},
    {"programs"},
    {"autopsy", "evaluate", "export", "findings", "predict"},
    {"training"},
    {"spread"},
    {"api", "study", "tools"},
    {"", "main"},
]
# Nets and their parameters are flax's business in models/, and in the one net that makes images.
ONLY_IN = {
    "flax": {"models", "augment.gan"},
    "orbax": {"run.checkpoint"},
    "tensorflow_datasets": {"data.tfds"},
    "absl": {"cli", "data.stream", "main", "evaluate", "export", "predict", "report", "study", "tools"},
    "matplotlib": {"report.figures"},
    "ml_collections": {"api", "cli", "sections", "configfile"},
    "grain": {"data.stream"},
    "jinja2": {"report.html"},
    "etils": {"place"},
    "gcsfs": {"place"},
    "onnx": {"models.onnx"},
    "safetensors": {"run.netfile"},
    "tensorboardX": {"run.tensorboard"},
}
WITHOUT_JAX = ("", "errors", "sections", "report", "cache", "place")
WITHOUT_JAX += tuple(f"run.{name}" for name in ("files", "journal", "record", "progress", "signals"))
FILES = sorted(ROOT.rglob("*.py"))


def dotted(path: pathlib.Path) -> str:
    """The name of a file's module below bigdeep: "run.folder", "data" for its __init__."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix("__init__").removesuffix("__main__").removesuffix(".")


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
    """The group of a module: that of its own name, else of the package it lies in."""
    parts = name.split(".")
    for prefix in (".".join(parts[:n]) for n in range(len(parts), 0, -1)):
        for i, names in enumerate(LAYERS):
            if prefix in names:
                return i
    raise AssertionError(f"{name} has no place")


def within(name: str, places: set[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path):
    importer = dotted(path)
    for name in imported(path):
        module = name.removeprefix("bigdeep.")
        if module == name or name == "bigdeep.__version__" or module.split(".")[0] == importer.split(".")[0]:
            continue
        assert layer(module) < layer(importer), f"{importer} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_each_library_has_its_place(path):
    for name in imported(path):
        library = name.split(".")[0]
        assert library not in ONLY_IN or within(dotted(path), ONLY_IN[library]), f"{path.name} imports {library}"


def test_the_press_needs_no_jax_and_no_matplotlib_and_bigdeep_itself_nothing():
    modules = [f"bigdeep.{name}".removesuffix(".") for name in WITHOUT_JAX]
    modules += [f"bigdeep.{dotted(path)}" for path in FILES if dotted(path).startswith("report.")]
    lines = [f"import {', '.join(modules)}", "import sys", "heavy = {'jax', 'matplotlib', 'flax'} & set(sys.modules)"]
    code = "; ".join([*lines, "assert not heavy, heavy"])
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT.parent)


def test_modules_and_functions_are_small():
    """About 250 lines per module, 50 per function: a reader has to see the whole of it."""
    for path in FILES:
        text = path.read_text()
        assert text.count("\n") <= 251, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 50, f"{path.name}: {node.name}"
