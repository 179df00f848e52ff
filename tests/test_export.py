"""Exported nets, each loaded again by its own runtime."""

import json
import pathlib

import jax
import numpy as np
import pytest
import safetensors.numpy

from bigdeep import configfile, export, models, training
from bigdeep.data import splits
from bigdeep.report import card
from bigdeep.run import folder, netfile, pretrained
from bigdeep.sections import plain
from conftest import ROOT, run_bigdeep

# One variant of each kind of net, and of each kind of layer in a stack.
NETS = (
    "mlp2",
    "directions",
    "lenet5",
    "lenet5_maxpool",
    "simard_conv",
    "cifar10_lenet5",
    "two_layer",
    "convnet",
    "own_layers",
    "speedrun_60min",
    "deep",
    "fractalnet",
)
STACKS = NETS[:-2]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """The folder of a net that was trained for seconds."""
    path = tmp_path_factory.mktemp("run") / "net"
    training.run(plain(configfile.load("mlp2:smoke")) | {"epochs": 2}, str(path))
    return path


def exported(workdir, format, tmp_path) -> pathlib.Path:
    path = tmp_path / f"net.{format}"
    done = run_bigdeep("bigdeep.export", f"--workdir={workdir}", f"--format={format}", f"--output={path}")
    assert done.returncode == 0, done.stderr
    assert "trained by bigdeep on mnist-5k" in path.with_name(f"net.{format}.md").read_text()
    return path


def net_of(name: str) -> folder.Net:
    """An untrained net of a config's miniature, its weights moved from where zeros would hide mistakes."""
    config = plain(configfile.load(f"{ROOT}/configs/{'taught' if name == 'own_layers' else name}.py:smoke"))
    if name == "own_layers":  # what no config has
        first, *rest = config["model"]["layers"]
        own = [{**first, "activation": "squared_relu"}, {"name": "maxout", "pieces": 2}]
        strokes = {"name": "directions", "directions": 6, "size": 1, "stride": 1}  # of several maps
        config["model"]["layers"] = [*own, strokes, *rest]
        config["model"]["layers"].insert(-1, {"name": "maxout", "pieces": 3})
        config["model"]["layers"].insert(-1, {"name": "gated", "activation": "sigmoid"})
    shape = (32, 32, 3) if config["data"]["name"] == "cifar10" else (config["data"]["size"],) * 2 + (1,)
    model = models.build(config["model"], shape, 10)
    params, state = model.init(jax.random.key(1))
    keys = iter(jax.random.split(jax.random.key(2), 1000))
    params, state = (
        jax.tree.map(lambda leaf: leaf + 0.1 * jax.random.uniform(next(keys), leaf.shape), tree)
        for tree in (params, state)
    )
    dataset = {"name": "mnist-5k", "sha256": "", "shape": shape, "classes": 10, "names": list("0123456789")}
    return folder.Net(model, params, state, None, config, dataset, "", 1)


def images_of(net: folder.Net, digits, count: int = 1000) -> np.ndarray:
    height, _, channels = net.dataset["shape"]
    images = splits.pixels.padded(digits.test_images[:count], height) if height >= 28 else digits.test_images[:count]
    return np.repeat(images, channels, axis=3)


def close(found: np.ndarray, expected: np.ndarray) -> None:
    """Within 1e-5 of the largest logit."""
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("name", STACKS)
def test_onnx_computes_the_same(name, digits):
    runtime = pytest.importorskip("onnxruntime")
    net = net_of(name)
    images = images_of(net, digits)
    session = runtime.InferenceSession(export.onnx(net))
    expected = np.asarray(jax.jit(export.forward(export.in_float32(net)))(images))
    close(session.run(None, {"images": images})[0], expected)
    close(session.run(None, {"images": images[:3]})[0], expected[:3])


@pytest.mark.parametrize("name", NETS)
def test_stablehlo_computes_the_same_for_any_number_of_images(name, digits):
    pytest.importorskip("flatbuffers")
    net = net_of(name)
    images = images_of(net, digits, 64)
    program = jax.export.deserialize(export.stablehlo(net))
    assert program.platforms == export.PLATFORMS
    expected = np.asarray(jax.jit(export.forward(export.in_float32(net)))(images))
    close(np.asarray(program.call(images)), expected)
    close(np.asarray(program.call(images[:1])), expected[:1])


@pytest.mark.slow
def test_npz_is_all_that_numpy_needs(workdir, digits, tmp_path):
    """The forward pass of an mlp in a few lines."""
    with np.load(exported(workdir, "npz", tmp_path)) as file:
        weights, about = {name: file[name] for name in file.files}, json.loads(str(file["about"]))
    images = splits.pixels.padded(digits.test_images[:100], 29)
    x = images.reshape(100, -1) / np.float32(127.5) - 1
    for i, _ in enumerate(about["config"]["model"]["widths"], start=1):
        norm, state = f"params/dense{i}/norm", f"model_state/batch_stats/dense{i}/norm"
        x = x @ weights[f"params/dense{i}/kernel"]
        x = (x - weights[f"{state}/mean"]) / np.sqrt(weights[f"{state}/var"] + 1e-5)
        x = x * weights[f"{norm}/scale"] + weights[f"{norm}/bias"]
        x = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    logits = x @ weights["params/output/kernel"] + weights["params/output/bias"]
    net = folder.net(workdir)
    exact = net._replace(model=models.build({**net.config["model"], "precision": "float32"}, (29, 29, 1), 10))
    close(logits, np.asarray(export.forward(exact)(images)))


def test_a_net_in_a_file_gives_the_same_bits_and_goes_wherever_a_folder_does(workdir, digits, tmp_path):
    """Kernels are kept in bfloat16, to which the net rounds them anyway."""
    path = exported(workdir, "safetensors", tmp_path)
    images = splits.pixels.padded(digits.test_images[:500], 29)
    nets = [folder.net(place) for place in (workdir, path)]
    one, other = (np.asarray(jax.jit(net.logits)(net.params, net.model_state, images)) for net in nets)
    assert np.array_equal(one, other)
    assert path.stat().st_size < 0.6 * sum(4 * leaf.size for leaf in jax.tree.leaves(nets[0].params))
    results = [run_bigdeep("bigdeep.evaluate", f"--workdir={place}").stdout for place in (workdir, path)]
    assert json.loads(results[0])["test_errors"] == json.loads(results[1])["test_errors"]
    assert nets[1].config == nets[0].config
    again = exported(path, "npz", tmp_path)
    assert again.exists()


def test_damaged_and_strange_files_are_refused_in_one_line(workdir, tmp_path):
    path = exported(workdir, "safetensors", tmp_path)
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    (tmp_path / "flipped.safetensors").write_bytes(content)
    (tmp_path / "cut.safetensors").write_bytes(content[:5000])
    (tmp_path / "text.safetensors").write_text("nothing")
    safetensors.numpy.save_file({"a": np.zeros(3)}, tmp_path / "other.safetensors")
    for name, reason in (
        ("flipped", "other bytes than were written"),
        ("cut", "expected a whole .safetensors file"),
        ("text", "expected a whole .safetensors file"),
        ("other", "a file of something else"),
    ):
        done = run_bigdeep("bigdeep.evaluate", f"--workdir={tmp_path / name}.safetensors")
        assert done.returncode == 2
        assert reason in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_onnx_of_nets_that_are_no_stacks_is_refused():
    pytest.importorskip("onnx")
    with pytest.raises(export.BadInput, match="--format=onnx: found 'deep', expected a net named mlp or stack"):
        export.onnx(net_of("deep"))


def test_weights_are_named_as_in_the_net(workdir):
    net = folder.net(workdir)
    assert list(netfile.flat({"params": net.params}))[:2] == ["params/dense1/kernel", "params/dense1/norm/bias"]
    assert all(name in pretrained.nets() for name in [pretrained.DEFAULT])


def test_every_format_makes_the_errors_of_the_run_on_all_of_mnist(mnist, tmp_path):
    """To within one: float32 graphs sum in another order than the net, whose roundings to bfloat16 flip then."""
    runtime = pytest.importorskip("onnxruntime")
    images, net = splits.pixels.padded(mnist.test_images, 29), folder.net("pretrained:mlp2")
    expected = folder.read_result("pretrained:mlp2")["test_errors_at_best_validation"]
    session = runtime.InferenceSession(export.onnx(net))
    program = jax.export.deserialize(export.stablehlo(net))
    weights = {"params": net.params, "model_state": net.model_state}
    netfile.write(tmp_path / "net.safetensors", weights, export.about(net, {}))
    again = folder.net(tmp_path / "net.safetensors")
    logits = {
        "onnx": session.run(None, {"images": images})[0],
        "stablehlo": program.call(images),
        "safetensors": jax.jit(again.logits)(again.params, again.model_state, images),
    }
    errors = {name: int((np.asarray(each).argmax(axis=1) != mnist.test_labels).sum()) for name, each in logits.items()}
    assert all(abs(found - expected) <= 1 for found in errors.values()), errors
    assert errors["safetensors"] == expected


def mixed() -> folder.Net:
    """A committee of a net of pixels and one of strokes, whose last layer alone does not round."""
    net, other = net_of("directions"), net_of("mlp2")
    layers = net.config["model"]["layers"]
    layers[-1]["precision"] = "float32"
    section = {"name": "committee", "members": [other.config["model"], net.config["model"]], "member": 0}
    params = {"member1": other.params, "member2": net.params}
    state = {"batch_stats": {f"member{k}": n.model_state["batch_stats"] for k, n in ((1, other), (2, net))}}
    config = {**net.config, "model": section}
    return net._replace(model=models.build(section, (29, 29, 1), 10), params=params, model_state=state, config=config)


def test_of_a_net_of_both_precisions_the_kernels_are_rounded_that_it_rounds():
    net = mixed()
    exact = export.in_float32(net)
    assert "bfloat16" not in str(exact.config["model"])
    for path, leaf in jax.tree_util.tree_leaves_with_path(net.params):
        name = "/".join(part.key for part in path)
        found = exact.params
        for part in path:
            found = found[part.key]
        rounded = name.endswith("/kernel") and name != "member2/output/kernel"
        assert np.array_equal(found, leaf) != rounded, name
        assert np.array_equal(found, leaf.astype("bfloat16")) == rounded, name


def test_a_net_of_both_precisions_keeps_its_bits_in_a_file(digits, tmp_path):
    net = mixed()
    about = {"config": net.config, "dataset": net.dataset, "step": 1}
    netfile.write(tmp_path / "net.safetensors", {"params": net.params, "model_state": net.model_state}, about)
    kinds = {
        name: array.dtype.name for name, array in safetensors.numpy.load_file(tmp_path / "net.safetensors").items()
    }
    rounded = {name for name, kind in kinds.items() if kind == "bfloat16"}
    assert rounded == {name for name in kinds if name.endswith("/kernel")} - {"params/member2/output/kernel"}
    again = folder.net(tmp_path / "net.safetensors")
    images = images_of(net, digits, 100)
    expected, found = (np.asarray(jax.jit(export.forward(each))(images)) for each in (net, again))
    assert np.array_equal(found, expected)


def test_the_card_of_a_stack_says_that_it_rounds():
    net = net_of("directions")
    assert "bfloat16" in card.of(net.config, net.dataset, {}, "net.onnx")
    assert "bfloat16" not in card.of(export.in_float32(net).config, net.dataset, {}, "net.onnx")
