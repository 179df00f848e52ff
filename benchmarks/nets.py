"""Training steps of three nets beside PyTorch's, on the same machine in the same process.

  python benchmarks/nets.py [--output=runs/nets.json]

LeNet-5 (configs/lenet5_maxpool.py, gradient descent) at several batch sizes, a net of 3x3 kernels and batch norm
(configs/taught.py, AdamW) and mlp5 (configs/mlp5.py, AdamW): chunks of steps as a run consists of, shuffling included,
deformations and mixup left out, beside the same net, loss and optimizer in PyTorch, eager and compiled, on batches that
lie ready. They take turns; medians of images/s over --rounds rounds. Needs the extra `bench`.
"""

import itertools
import pathlib
import runpy
import statistics
import time
from collections.abc import Callable

import jax
import torch
from absl import flags

from bigdeep import cli, programs
from bigdeep import experiment as experiments
from bigdeep.run import machine
from bigdeep.sections import plain
from record import define_output, keep

ROOT = pathlib.Path(__file__).parent.parent
# config file, batch sizes
NETS = {"configs/lenet5_maxpool.py": (16, 128, 512), "configs/taught.py": (250,), "configs/mlp5.py": (480,)}
SECONDS = 1.5  # of work a turn, about


class ScaledTanh(torch.nn.Module):
    def forward(self, a: torch.Tensor) -> torch.Tensor:
        return 1.7159 * torch.tanh(0.6666 * a)


def lenet5() -> torch.nn.Module:
    nn = torch.nn
    first = (nn.Conv2d(1, 6, 5), nn.Tanh(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.MaxPool2d(2))
    return nn.Sequential(*first, nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten(), nn.Linear(120, 10))


def taught() -> torch.nn.Module:
    nn = torch.nn

    def convolution(seen: int, maps: int, kernel: int = 3, padding: int = 1) -> tuple:
        return nn.Conv2d(seen, maps, kernel, padding=padding, bias=False), nn.BatchNorm2d(maps), nn.ReLU()

    first = (*convolution(1, 24, 6, 0), nn.MaxPool2d(2), *convolution(24, 48), *convolution(48, 48), nn.MaxPool2d(2))
    return nn.Sequential(*first, *convolution(48, 96), nn.Flatten(), nn.Linear(96 * 6 * 6, 10))


def mlp5() -> torch.nn.Module:
    nn, pairs = torch.nn, itertools.pairwise((841, 2500, 2000, 1500, 1000, 500))
    hidden = [(nn.Linear(*pair, bias=False), nn.BatchNorm1d(pair[1]), nn.GELU(approximate="tanh")) for pair in pairs]
    return nn.Sequential(nn.Flatten(), *itertools.chain(*hidden), nn.Linear(500, 10))


PEERS = {"lenet5_maxpool": (lenet5, 0.0), "taught": (taught, 0.0), "mlp5": (mlp5, 0.1)}


def config_of(file: str, batch_size: int) -> dict:
    """The config of a file as it is timed here."""
    config = plain(runpy.run_path(str(ROOT / file))["get_config"]())
    steps = max(20, 12_000 // batch_size)
    own = {"name": pathlib.Path(file).stem, "batch_size": batch_size, "log_steps": steps}
    return config | own | {"augment": [], "mixup": 0.0}


def ours(config: dict) -> Callable[[int], float]:
    """steps -> images/s over about that many steps of training as a run does them."""
    experiment = experiments.build(config)
    steps, length = programs.compiled_steps(experiment), experiment.plan.chunk_length(0)
    held = [steps(experiments.initial_state(experiment), length=length)[0]]

    def rate(count: int) -> float:
        start, chunks = time.perf_counter(), max(1, round(count / length))
        for _ in range(chunks):
            held[0], metrics = steps(held[0], length=length)
        jax.block_until_ready((held[0], metrics))
        return chunks * length * config["batch_size"] / (time.perf_counter() - start)

    return rate


def theirs(config: dict, compiled: bool) -> Callable[[int], float]:
    """steps -> images/s over that many steps in PyTorch."""
    torch.manual_seed(0)
    make, smoothing = PEERS[config["name"]]
    net = make()
    adamw = {"lr": 1e-3, "betas": (0.9, 0.99), "weight_decay": 0.01, "fused": True}
    adaptive = config["optimizer"]["name"] == "adamw"
    optimizer = torch.optim.AdamW(net.parameters(), **adamw) if adaptive else torch.optim.SGD(net.parameters(), lr=1e-3)
    loss_fn, size = torch.nn.CrossEntropyLoss(label_smoothing=smoothing), config["data"]["size"]
    x = torch.rand(config["batch_size"], 1, size, size) * 2 - 1
    y = torch.randint(0, 10, (config["batch_size"],))
    forward = torch.compile(net) if compiled else net

    def step() -> None:
        optimizer.zero_grad()
        loss_fn(forward(x), y).backward()
        optimizer.step()

    step()

    def rate(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            step()
        return count * config["batch_size"] / (time.perf_counter() - start)

    return rate


def compared(file: str, batch_size: int, rounds: int) -> dict:
    """One net at one batch size: images/s of each library."""
    config = config_of(file, batch_size)
    rates = {"bigdeep": ours(config), "torch": theirs(config, False), "torch.compile": theirs(config, True)}
    counts = {name: max(5, round(SECONDS * rate(5) / batch_size)) for name, rate in rates.items()}
    turns = [{name: rate(counts[name]) for name, rate in rates.items()} for _ in range(rounds)]
    medians = {name: statistics.median(turn[name] for turn in turns) for name in rates}
    fastest = max(("torch", "torch.compile"), key=medians.get)
    ratio = statistics.median(turn["bigdeep"] / turn[fastest] for turn in turns)
    images = {name: round(value, 1) for name, value in medians.items()}
    return {"name": config["name"], "batch_size": batch_size, "images_per_second": images, "ratio": round(ratio, 3)}


def main() -> None:
    """Prints a table and one JSON line; keeps the record."""
    machine.prepare()
    rows = [compared(file, size, flags.FLAGS.rounds) for file, sizes in NETS.items() for size in sizes]
    print(f"{'net':<16}{'batch':>6}{'bigdeep':>12}{'torch':>12}{'compiled':>12}{'ratio':>8}  images/s; to the fastest")
    for row in rows:
        images = "".join(f"{value:>12,.0f}" for value in row["images_per_second"].values())
        print(f"{row['name']:<16}{row['batch_size']:>6}{images}{row['ratio']:>8.2f}")
    keep({"benchmark": "nets", "library": "bigdeep", "torch": torch.__version__, "rates": rows})


if __name__ == "__main__":
    flags.DEFINE_integer("rounds", 5, "rounds to take medians over", lower_bound=1)
    define_output()
    cli.run(main, __doc__)
