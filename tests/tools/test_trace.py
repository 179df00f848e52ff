"""Step-by-step comparison: the same nets in PyTorch, from the same weights, on the same data, in double precision."""

import jax
import numpy as np
import pytest

from bigdeep import experiment
from bigdeep.tools import double, trace
from conftest import run_bigdeep

STEPS = 20


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[reference]'")


def traced(config: dict, tmp_path, steps: int = STEPS) -> dict[str, np.ndarray]:
    with jax.enable_x64(True):
        trace.write(*double.start(config), steps, tmp_path / "trace.npz")
    with np.load(tmp_path / "trace.npz") as file:
        return dict(file)


def peer(torch, config: dict):
    """The layers of a stack as PyTorch modules, by their names here."""
    modules, shape, count = {}, (1, 32, 32), {}
    activations = {"tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid, "linear": torch.nn.Identity}
    for i, layer in enumerate(config["model"]["layers"]):
        kind = layer["name"]
        count[kind] = count.get(kind, 0) + 1
        if kind == "convolution":
            made = torch.nn.Conv2d(shape[0], layer["features"], layer["kernel"])
        elif kind == "dense":
            made = torch.nn.Linear(int(np.prod(shape)), layer["width"])
        elif kind == "max_pool":
            made = torch.nn.MaxPool2d(layer["size"])
        else:
            made = torch.nn.Flatten()
        act = activations[layer.get("activation", "linear")]()
        shape = tuple(made(torch.zeros(1, *shape)).shape[1:])
        last = i == len(config["model"]["layers"]) - 1
        modules["output" if last else f"{kind}{count[kind]}"] = torch.nn.Sequential(made, act)
    return torch.nn.Sequential(modules := torch.nn.ModuleDict(modules)).double(), modules


def to_torch(torch, name: str, value: np.ndarray, channels: int):
    """A tensor of ours in PyTorch's layout. channels: of the images that were flattened before this layer, or 0."""
    if value.ndim == 4:
        return torch.tensor(value.transpose(3, 2, 0, 1))
    if value.ndim == 2 and channels:  # rows are (h, w, c) here, (c, h, w) there
        side = round((len(value) / channels) ** 0.5)
        value = value.reshape(side, side, channels, -1).transpose(2, 0, 1, 3).reshape(len(value), -1)
    return torch.tensor(value.T if value.ndim == 2 else value)


@pytest.mark.parametrize("name", ["two_layer", "convnet", "lenet5_maxpool"])
@pytest.mark.slow
def test_twenty_updates_are_pytorchs_to_1e_5(torch, smoke, tmp_path, name):
    config = smoke(name)
    config["batch_size"] = 4
    config["schedule"]["rate"] = 0.05
    found = traced(config, tmp_path)
    _, modules = peer(torch, config)
    layers = list(modules)
    flattened = {"two_layer": ("dense1", 1), "convnet": ("dense1", 5), "lenet5_maxpool": ("output", 120)}[name]

    def ours(kind: str, step: int, layer: str, tensor: str):
        value = found[f"{step:04d}/{kind}/{layer}/{tensor}"]
        return to_torch(torch, tensor, value, flattened[1] if layer == flattened[0] else 0)

    own = {layer: module[0] for layer, module in modules.items() if hasattr(module[0], "weight")}
    names = {"kernel": "weight", "bias": "bias"}
    with torch.no_grad():
        for layer, module in own.items():
            for tensor, theirs in names.items():
                getattr(module, theirs).copy_(ours("weights", 0, layer, tensor))
    optimizer = torch.optim.SGD([p for m in own.values() for p in m.parameters()], lr=0.05)
    for step in range(STEPS):
        images = torch.tensor(found[f"{step:04d}/inputs"].transpose(0, 3, 1, 2))
        labels = torch.tensor(found[f"{step:04d}/labels"].astype(np.int64))
        x = images
        for layer in layers:
            x = modules[layer](x)
            activation = found[f"{step:04d}/activations/{layer}"]
            activation = activation.transpose(0, 3, 1, 2) if activation.ndim == 4 else activation
            if not layer.startswith("flatten"):
                np.testing.assert_allclose(activation, x.detach().numpy(), rtol=1e-5, atol=1e-7)
        if config["loss"]["name"] == "squared_error":
            loss = 0.5 * ((x - torch.nn.functional.one_hot(labels, 10).double()) ** 2).sum(1).mean()
        else:
            loss = torch.nn.functional.cross_entropy(x, labels)
        optimizer.zero_grad()
        loss.backward()
        assert loss.item() == pytest.approx(float(found[f"{step:04d}/loss"]), rel=1e-5)
        for layer, module in own.items():
            for tensor, theirs in names.items():
                gradient = getattr(module, theirs).grad
                torch.testing.assert_close(ours("gradients", step, layer, tensor), gradient, rtol=1e-5, atol=1e-8)
        optimizer.step()
    for layer, module in own.items():
        for tensor, theirs in names.items():
            after = ours("weights", STEPS, layer, tensor)
            torch.testing.assert_close(after, getattr(module, theirs).detach(), rtol=1e-5, atol=1e-8)
            assert not torch.allclose(after, ours("weights", 0, layer, tensor), rtol=1e-3)


def test_the_data_are_the_training_images_in_order(smoke, digits, tmp_path):
    config = smoke("two_layer")
    config["batch_size"] = 3
    found = traced(config, tmp_path, steps=2)
    np.testing.assert_array_equal(found["0001/labels"], digits.train_labels[3:6])
    np.testing.assert_allclose(found["0001/inputs"][:, 2:30, 2:30], digits.train_images[3:6] / 127.5 - 1)
    assert found["0000/inputs"].dtype == np.float64
    assert {name.split("/")[1] for name in found} == {"inputs", "labels", "loss", "weights", "activations", "gradients"}
    assert not any(name.startswith("0002/gradients") for name in found)


def test_a_trace_starts_from_the_runs_own_weights(smoke, tmp_path):
    config = smoke("two_layer")
    found = traced(config, tmp_path, steps=1)
    params = experiment.initial_state(experiment.build(config)).params
    np.testing.assert_array_equal(found["0000/weights/dense1/kernel"], np.asarray(params["dense1"]["kernel"], float))


def test_a_trace_is_the_trainings_own_update(smoke, tmp_path):
    config = smoke("two_layer")
    found = traced(config, tmp_path, steps=1)
    rate = config["schedule"]["rate"]
    for layer in ("dense1/kernel", "output/bias"):
        before, after = (found[f"000{i}/weights/{layer}"] for i in (0, 1))
        np.testing.assert_allclose(after, before - rate * found[f"0000/gradients/{layer}"], rtol=1e-9)


def test_a_trace_leaves_out_deformations_and_mixup(smoke, tmp_path):
    """Two updates of a net that has both are, bit for bit, those of the same net without them."""
    config = smoke("two_layer") | {"batch_size": 4, "strength": ((0.0, 1.0),)}
    bare = traced(config | {"augment": [], "mixup": 0.0}, tmp_path, steps=2)
    section = {"name": "elastic", "sigma": 6.0, "alpha": 36.0}
    both = traced(config | {"augment": [section], "mixup": 0.5}, tmp_path, steps=2)
    assert bare.keys() == both.keys()
    for name, values in bare.items():
        np.testing.assert_array_equal(both[name], values, err_msg=name)


def test_nets_with_bfloat16_products_are_traced_unrounded(smoke, tmp_path):
    config = smoke("mlp2") | {"batch_size": 4}
    assert config["model"]["precision"] == "bfloat16"
    assert traced(config, tmp_path, steps=1)["0000/gradients/dense1/kernel"].dtype == np.float64


def test_the_command_writes_the_file(tmp_path):
    path = tmp_path / "trace.npz"
    done = run_bigdeep("bigdeep.tools.trace", "--config=configs/two_layer.py:smoke", "--steps=2", f"--output={path}")
    assert done.returncode == 0, done.stderr
    assert path.exists()
    wrong = run_bigdeep("bigdeep.tools.trace", "--config=configs/two_layer.py:smoke", "--output=trace.txt")
    assert wrong.returncode == 2
    assert "--output: found 'trace.txt', expected a file ending in .npz" in wrong.stderr
