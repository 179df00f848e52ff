"""Training steps of three nets beside PyTorch's, on the same machine in the same process.

  python benchmarks/nets.py [--output=runs/nets.json]

LeNet-5 (configs/lenet5_maxpool.py, gradient descent) at several batch sizes, a net of 3x3 kernels and batch norm
(configs/taught.py, AdamW) and mlp5 (configs/mlp5.py, AdamW): chunks of steps as a run consists of, shuffling included,
deformations and mixup left out, beside the same net, loss and optimizer in PyTorch, eager and compiled, on batches that
lie ready, and beside plain matrix products of float32. They take turns; medians of images/s over --rounds rounds.
`share` is that of our step in the machine's limit for products of float32, `compile` the seconds that XLA takes for our
program with no cache. Needs the extra `bench`.
"""

import itertools
import pathlib
import runpy
import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import torch
from absl import flags

from bigdeep import cli, programs
from bigdeep import experiment as experiments
from bigdeep.data import pixels
from bigdeep.experiment import Experiment
from bigdeep.models.table import flops
from bigdeep.run import machine
from bigdeep.sections import plain
from record import define_output, keep
from train_step import product_rate

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


def ours(experiment: Experiment) -> Callable[[int], float]:
    """steps -> images/s over about that many steps of training as a run does them."""
    steps, length = programs.compiled_steps(experiment), experiment.plan.chunk_length(0)
    held = [steps(experiments.initial_state(experiment), length=length)[0]]

    def rate(count: int) -> float:
        start, chunks = time.perf_counter(), max(1, round(count / length))
        for _ in range(chunks):
            held[0], metrics = steps(held[0], length=length)
        jax.block_until_ready((held[0], metrics))
        return chunks * length * experiment.config["batch_size"] / (time.perf_counter() - start)

    return rate


def flops_per_image(experiment: Experiment) -> int:
    """Of the products and convolutions of a training step: thrice the forward pass, less the gradient of the images."""
    params, model_state = experiment.model.init(jax.random.key(0))
    image = pixels.to_inputs(experiment.data.train[0][:1].astype(jnp.float32))
    layers = experiment.model.layers(params, model_state, image, jax.random.key(0))
    counts = [flops(layer.run, layer.params, layer.inputs) for layer in layers]  # the last is that of the whole net
    return 3 * counts[-1] - next(count for count in counts if count)


def compile_seconds(experiment: Experiment) -> float:
    """Of a run's first chunk of steps, from tracing on."""
    program, rest, length = programs.first_chunk(experiment)
    state, start = experiments.initial_state(experiment), time.perf_counter()
    program.lower(state, *rest, length=length).compile()
    return time.perf_counter() - start


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
    """One net at one batch size: images/s of each library, ours beside the machine's limit."""
    config = config_of(file, batch_size)
    experiment = experiments.build(config)
    rates = {"bigdeep": ours(experiment), "torch": theirs(config, False), "torch.compile": theirs(config, True)}
    counts = {name: max(5, round(SECONDS * rate(5) / batch_size)) for name, rate in rates.items()}
    turns = [
        {name: rate(counts[name]) for name, rate in rates.items()} | {"limit": product_rate("float32")}
        for _ in range(rounds)
    ]
    medians = {name: statistics.median(turn[name] for turn in turns) for name in rates}
    fastest, work = max(("torch", "torch.compile"), key=medians.get), flops_per_image(experiment)
    return {
        "name": config["name"],
        "batch_size": batch_size,
        "images_per_second": {name: round(value, 1) for name, value in medians.items()},
        "ratio": round(statistics.median(turn["bigdeep"] / turn[fastest] for turn in turns), 3),
        "flops_per_image": work,
        "share": round(statistics.median(work * turn["bigdeep"] / turn["limit"] for turn in turns), 3),
        "compile_seconds": round(compile_seconds(experiment), 1),
    }


def main() -> None:
    """Prints a table and one JSON line; keeps the record."""
    machine.prepare()
    jax.config.update("jax_enable_compilation_cache", False)
    rows = [compared(file, size, flags.FLAGS.rounds) for file, sizes in NETS.items() for size in sizes]
    heads = ("bigdeep", "torch", "compiled", "ratio", "share", "compile")
    print(f"{'net':<16}{'batch':>6}" + "".join(f"{head:>11}" for head in heads))
    for row in rows:
        images = "".join(f"{value:>11,.0f}" for value in row["images_per_second"].values())
        rest = f"{row['ratio']:>11.2f}{row['share']:>11.2f}{row['compile_seconds']:>11.1f}"
        print(f"{row['name']:<16}{row['batch_size']:>6}{images}{rest}")
    keep({"benchmark": "nets", "library": "bigdeep", "torch": torch.__version__, "rates": rows})


if __name__ == "__main__":
    flags.DEFINE_integer("rounds", 5, "rounds to take medians over", lower_bound=1)
    define_output()
    cli.run(main, __doc__)
