"""Where a training step's time goes: a few steps traced by JAX's profiler, put down to the parts of step.train_step."""

import collections
import pathlib
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence

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
    """{part: seconds of a step} of a chunk of steps, compiled anew without the cache; together they are the step's.

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

        def run() -> float:
            copy, start = jax.block_until_ready(jax.tree.map(lambda leaf: leaf.copy(), state)), time.perf_counter()
            jax.block_until_ready(compiled(copy, *rest))
            return time.perf_counter() - start

        run()
        whole = run()  # tracing takes time of its own, and may lose the end
        with jax.profiler.trace(folder):
            run()
        spent = _spent(_events(pathlib.Path(folder)))
    seconds, traced = dict.fromkeys([*PARTS, REST], 0.0), sum(spent.values())
    for name, share in spent.items():
        seconds[owners.get(name, REST)] += whole / length * share / traced
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


def _events(folder: pathlib.Path) -> list[tuple[float, float, str]]:
    """(start, end, operation of the compiled program) of all threads, in nanoseconds."""
    files = sorted(folder.rglob("*.xplane.pb"))
    if not files:
        raise Failed("config.profile: JAX's profiler wrote no trace")
    found = []
    for plane in jax.profiler.ProfileData.from_file(str(files[0])).planes:
        for line in plane.lines:
            for event in line.events:
                operation = dict(event.stats).get("hlo_op")
                if operation is not None and str(operation).partition(".")[0] not in HOLDERS:
                    found.append((event.start_ns, event.start_ns + event.duration_ns, str(operation)))
    if not found:
        raise Failed("config.profile: JAX's profiler saw no operation")
    return found


def _spent(events: Sequence[tuple[float, float, str]]) -> Mapping[str, float]:
    """{operation: time} such that each instant counts once, shared among the operations that run in it.

    Where none is seen it counts for the one that began last: what a CPU computes in threads of Eigen leaves no more of
    a trace than its beginning.
    """
    spent: dict[str, float] = collections.defaultdict(float)
    running: list[str] = []
    edges = sorted((at, begins, name) for start, end, name in events for at, begins in ((start, 1), (end, 0)))
    before, latest = 0.0, ""
    for at, begins, name in edges:
        now = running or [latest] * bool(latest)
        for each in now:
            spent[each] += (at - before) / len(now)
        before = at
        if begins:
            running.append(name)
            latest = name
        else:
            running.remove(name)
    return spent


def text(seconds: Mapping[str, float]) -> str:
    """A line for each part: its share, and its time in a step."""
    total = sum(seconds.values())
    rows = [f"  {name:<14}{100 * spent / total:5.1f} %{1e3 * spent:9.2f} ms" for name, spent in seconds.items()]
    head = f"bigdeep: a step takes {1e3 * total:.2f} ms:"
    return "\n".join([head, *rows])
