"""Where a training step's time goes: a few steps traced by JAX's profiler, put down to the parts of step.train_step."""

import collections
import pathlib
import re
import tempfile
from collections.abc import Callable, Mapping

import jax

from bigdeep.errors import Failed

# The part of a step that an operation belongs to, by the scopes in its name; the first that fits.
PARTS = {
    "deformation": r"/deform/",
    "mixing": r"/mix/",
    "backward": r"transpose\(jvp\(forward\)\)|transpose\(.*forward",
    "forward": r"forward",
    "update": r"/update/",
}
REST = "the rest"  # batches, metrics, what the compiler has moved
HOLDERS = ("while", "call", "conditional")  # whose time is that of what they hold


def parts(program: Callable, arguments: tuple, length: int) -> dict[str, float]:
    """{part: seconds of all threads together in a step} of a chunk of steps, compiled anew without the cache.

    program(*arguments, length=length): as programs.compiled_steps compiles it; the first argument is copied.
    """
    kept = jax.config.jax_enable_compilation_cache
    jax.config.update("jax_enable_compilation_cache", False)  # what comes from it has lost its names
    try:
        compiled = program.lower(*arguments, length=length).compile()
    finally:
        jax.config.update("jax_enable_compilation_cache", kept)
    owners = _owners(compiled.as_text())
    with tempfile.TemporaryDirectory() as folder:
        state, *rest = arguments
        for traced in (False, True):  # once to warm up
            copy = jax.tree.map(lambda leaf: leaf.copy(), state)
            if traced:
                with jax.profiler.trace(folder):
                    jax.block_until_ready(compiled(copy, *rest))
            else:
                jax.block_until_ready(compiled(copy, *rest))
        events = _events(pathlib.Path(folder))
    seconds = dict.fromkeys([*PARTS, REST], 0.0)
    for name, spent in events.items():
        if name.partition(".")[0] not in HOLDERS:
            seconds[owners.get(name, REST)] += spent / length
    return seconds


def _owners(program: str) -> dict[str, str]:
    """{operation: its part} of a compiled program's text; a fusion belongs to most of the operations within it."""
    within: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    owners, calls, computation = {}, {}, ""
    for line in program.splitlines():
        if opened := re.match(r"(?:ENTRY )?%?([\w.\-]+) .*\{$", line):
            computation = opened[1]
        elif found := re.match(r"\s+(?:ROOT )?%?([\w.\-]+) = ", line):
            scope = re.search(r'op_name="([^"]*)"', line)
            owners[found[1]] = _part(scope[1] if scope else "")
            if scope:
                within[computation][owners[found[1]]] += 1
            if called := re.search(r"fusion\(.*calls=%?([\w.\-]+)", line):
                calls[found[1]] = called[1]
    fused = {name: within[body].most_common(1)[0][0] for name, body in calls.items() if within[body]}
    return owners | fused


def _part(scope: str) -> str:
    return next((part for part, pattern in PARTS.items() if re.search(pattern, scope)), REST)


def _events(folder: pathlib.Path) -> Mapping[str, float]:
    """{operation of the compiled program: seconds, of all threads}."""
    files = sorted(folder.rglob("*.xplane.pb"))
    if not files:
        raise Failed("config.profile: JAX's profiler wrote no trace")
    spent: collections.Counter = collections.Counter()
    for plane in jax.profiler.ProfileData.from_file(str(files[0])).planes:
        for line in plane.lines:
            for event in line.events:
                operation = dict(event.stats).get("hlo_op")
                if operation is not None:
                    spent[str(operation)] += event.duration_ns / 1e9
    return spent


def text(seconds: Mapping[str, float]) -> str:
    """A line for each part: its share, and its time in a step."""
    total = sum(seconds.values())
    rows = [f"  {name:<14}{100 * spent / total:5.1f} %{1e3 * spent:9.2f} ms" for name, spent in seconds.items()]
    head = f"bigdeep: a step keeps all threads together busy for {1e3 * total:.2f} ms:"
    return "\n".join([head, *rows])
