r"""Hands a trained net to other programs, in a file, with a model card beside it.

  python -m bigdeep.export --workdir=runs/mlp5 --format=onnx            runs/mlp5.onnx and runs/mlp5.onnx.md
  python -m bigdeep.export --workdir=runs/mlp5 --format=safetensors --output=mine.safetensors

npz          weights as arrays, "params/LAYER/TENSOR", and the config as JSON: for NumPy
safetensors  the same with config, data and result; bigdeep takes the file wherever it takes a run folder
onnx         the forward pass of stacks of layers and committees of these, in float32 (pip install 'bigdeep[export]')
stablehlo    the forward pass of every net, in float32, for CPU, CUDA and TPU, any number of images (the same)

onnx and stablehlo take "images" uint8 (N, H, W, C) and return "logits" float32 (N, classes). Prints the file's name.
"""

import json
import pathlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from bigdeep import cli, models, sections
from bigdeep.data import pixels
from bigdeep.errors import BadInput, require
from bigdeep.place import absolute
from bigdeep.report import card
from bigdeep.run import files, folder, machine, netfile, pretrained

PLATFORMS = ("cpu", "cuda", "tpu")


def in_float32(net: folder.Net) -> folder.Net:
    """The net with products in float32; kernels that it would round to bfloat16 are rounded once and for all."""
    section = net.config["model"]

    def rounded(path: tuple, leaf: jax.Array) -> jax.Array:
        rounds = sections.rounds(section, "/".join(part.key for part in path))
        return leaf.astype(jnp.bfloat16).astype(jnp.float32) if rounds else leaf

    params = jax.tree_util.tree_map_with_path(rounded, net.params)
    exact = sections.unrounded(section)
    built = models.build(exact, net.dataset["shape"], net.dataset["classes"])
    return net._replace(model=built, params=params, config={**net.config, "model": exact})


def forward(net: folder.Net) -> Callable[[jax.Array], jax.Array]:
    """images uint8 (N, H, W, C) -> logits float32 (N, classes), in one piece."""

    def logits(images: jax.Array) -> jax.Array:
        inputs = pixels.to_inputs(images.astype(jnp.float32))
        return net.model.apply(net.params, net.model_state, inputs, jax.random.key(0), train=False)[0]

    return logits


def stablehlo(net: folder.Net) -> bytes:
    """The serialised program, jax.export.deserialize's, with a symbolic number of images."""
    shape = jax.export.symbolic_shape(", ".join(["batch", *map(str, net.dataset["shape"])]))
    program = jax.jit(forward(in_float32(net)))
    try:
        exported = jax.export.export(program, platforms=PLATFORMS)(jax.ShapeDtypeStruct(shape, jnp.uint8))
        return bytes(exported.serialize())
    except ModuleNotFoundError as error:
        raise _missing("stablehlo", error) from None


def onnx(net: folder.Net) -> bytes:
    """The serialised graph, see bigdeep/models/onnx.py."""
    try:
        from bigdeep.models import onnx as graphs  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise _missing("onnx", error) from None
    plain = in_float32(net)
    weights = jax.tree.map(np.asarray, {"params": plain.params, "model_state": plain.model_state})
    made = graphs.model(plain.config["model"], net.dataset["shape"], net.dataset["classes"], weights)
    return made.SerializeToString()


def _missing(format: str, error: ModuleNotFoundError) -> BadInput:
    return BadInput(f"--format={format}: found no {error.name}, expected pip install 'bigdeep[export]'")


def about(net: folder.Net, result: dict) -> dict:
    """What a file says of its net. The folder it was trained in stays out of it."""
    return {"config": net.config, "dataset": net.dataset, "step": net.step, "result": result}


def write(net: folder.Net, result: dict, format: str, path: pathlib.Path) -> None:
    """Writes the net in a format to a file, and its card beside it."""
    about_it = path.with_name(f"{path.name}.md")
    ours = not about_it.exists() or about_it.read_text("utf-8", "replace").startswith(f"# {path.name}\n")
    require(ours, "--output", f"a file of something else in {about_it}", "a name beside which a card can be written")
    weights = {"params": net.params, "model_state": net.model_state}
    if format == "safetensors":
        netfile.write(path, weights, about(net, result))
    elif format == "npz":
        arrays = {name: np.asarray(leaf) for name, leaf in netfile.flat(weights).items()}
        files.write_arrays(path, arrays | {"about": np.array(json.dumps(about(net, result)))})
    else:
        content = {"onnx": onnx, "stablehlo": stablehlo}[format](net)
        files.write_bytes(path, content)
    files.write_text(path.with_name(f"{path.name}.md"), card.of(net.config, net.dataset, result, path.name))


def _beside(workdir: pathlib.Path, format: str) -> pathlib.Path:
    """Where the file goes if nobody says: beside the run's folder or the file; here for a pretrained net."""
    if folder.is_pretrained(workdir):
        return pathlib.Path(f"{str(workdir).removeprefix(pretrained.PREFIX)}.{format}")
    name = workdir.stem if workdir.is_file() else absolute(workdir).name
    return workdir.parent / f"{name}.{format}"


def main() -> None:
    """Writes the file that the flags ask for."""
    options = flags.FLAGS
    path = cli.optional_output("output", f".{options.format}")
    workdir = cli.folder(options.workdir)
    machine.prepare()
    net = folder.net(workdir)
    if path is None:
        path = _beside(workdir, options.format)
    require(path != workdir, "--output", str(path), "another file than --workdir")
    write(net, folder.read_result(workdir), options.format, path)
    print(path)


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "a run's folder, or pretrained:NAME", required=True)
    flags.DEFINE_enum("format", "safetensors", ["npz", "safetensors", "onnx", "stablehlo"], "of the file")
    flags.DEFINE_string("output", "", "the file to write; NAME.FORMAT beside the run's folder if not given")
    cli.run(main, __doc__)
