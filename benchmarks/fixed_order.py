"""Whether a run ends in the same bits on any number of devices and processes, and what that costs.

  python benchmarks/fixed_order.py --config=configs/mlp2.py --config.epochs=4 --output=runs/fixed_order-mlp2.json
  python benchmarks/fixed_order.py --config=configs/mlp2.py:smoke --config.epochs=6 --optimizers=all --devices=2,4,8

Trains the config with config.fixed_order_shards=8 by bigdeep.main on 1, 2, 4 and 8 virtual CPU devices and on two
processes, and compares the sha256 of the weights at the end; once without it on one device, for the time. Cost: the
time of the training steps with it by that without it, both on one device.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from absl import app, flags

from bigdeep.run.journal import read_rows
from record import define_output, keep

SHARDS = 8
ADAPTIVE = "b1=0.9, b2=0.99"
DECAY = "weight_decay=0.01, parameters='all'"
OPTIMIZERS = {
    "": "",
    "sgd": "dict(name='sgd')",
    "momentum": "dict(name='momentum', momentum=0.9)",
    "nesterov": "dict(name='nesterov', momentum=0.9)",
    "adagrad": "dict(name='adagrad', initial=0.1, eps=1e-7)",
    "rmsprop": "dict(name='rmsprop', decay=0.9, eps=1e-8)",
    "adam": f"dict(name='adam', {ADAPTIVE}, eps=1e-8)",
    "adamw": f"dict(name='adamw', {ADAPTIVE}, eps=1e-8, {DECAY})",
    "lion": f"dict(name='lion', {ADAPTIVE}, {DECAY})",
    "lamb": f"dict(name='lamb', {ADAPTIVE}, eps=1e-8, {DECAY})",
    "muon": "dict(name='muon', momentum=0.95, weight_decay=0.0)",
}


def trained(folder: pathlib.Path, options: list[str], devices: int, processes: int = 1) -> tuple[dict, float]:
    """(its result, median seconds an image of its chunks of steps but the first)."""
    flag = f"--xla_force_host_platform_device_count={devices // processes}"
    environment = {**os.environ, "XLA_FLAGS": flag, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "bigdeep.main", *options, f"--workdir={folder}"]
    if processes > 1:
        root = pathlib.Path(__file__).parent.parent
        command = [str(root / "launch" / "local_multiprocess.sh"), str(processes), *command[3:]]
        environment["PATH"] = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(command, env=environment, check=True, capture_output=True)
    speed = statistics.median(row["images_per_second"] for row in read_rows(folder / "metrics.jsonl")[1:])
    return json.loads((folder / "result.json").read_text()), 1 / speed


def compared(options: list[str], name: str) -> dict:
    """The row of a record: whether all hashes are the same, and the cost."""
    given = [*options, *([f"--config.optimizer={OPTIMIZERS[name]}"] if name else [])]
    ordered = [*given, f"--config.fixed_order_shards={SHARDS}"]
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        plain = trained(root / "plain", given, 1)[1]
        result, seconds = trained(root / "1", ordered, 1)
        hashes = {"1 device": result["state_sha256"]}
        for devices in map(int, flags.FLAGS.devices):
            hashes[f"{devices} devices"] = trained(root / f"{devices}", ordered, devices)[0]["state_sha256"]
        if flags.FLAGS.processes:
            hashes["2 processes of 2"] = trained(root / "processes", ordered, 4, 2)[0]["state_sha256"]
    same = len(set(hashes.values())) == 1
    cost = round(seconds / plain, 2)
    return {"optimizer": name or "its own", "same": same, "cost": cost, "steps": result["steps"], "hashes": hashes}


def main(argv: list[str]) -> None:
    named, name = flags.FLAGS.optimizers, next(arg for arg in argv if arg.startswith("--config="))
    rows = []
    for optimizer in list(OPTIMIZERS)[1:] if named == "all" else named.split(","):
        rows.append(compared(argv[1:], optimizer))
        print(json.dumps(rows[-1]), flush=True)
    config = pathlib.Path(name.partition("=")[2]).name.replace(".py", "")
    keep({"benchmark": "fixed_order", "name": config, "rows": rows})


if __name__ == "__main__":
    flags.DEFINE_list("devices", ["2", "4", "8"], "numbers of virtual devices beside one")
    flags.DEFINE_bool("processes", True, "two processes of two devices too")
    flags.DEFINE_string("optimizers", "", "names of optimizers in place of the config's, or all")
    define_output()
    app.run(main, flags_parser=lambda argv: flags.FLAGS(argv, known_only=True))
