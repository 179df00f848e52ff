"""Checkpoints: round trip, damage of every kind, full disk."""

import gc
import os
import pathlib
import resource
import shutil
import signal

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from orbax.checkpoint import v1 as ocp

from bigdeep import experiment, step
from bigdeep.errors import BadInput, Failed
from bigdeep.run import checkpoint, leaves, processes

# When reading or writing fails, orbax leaves coroutines and threads behind that complain when they are collected.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]


@pytest.fixture
def collected():
    yield
    gc.collect()


def a_state(number: int) -> step.State:
    params = {"layer1": {"kernel": jnp.full((64, 32), float(number)), "bias": jnp.arange(32.0)}}
    return step.State(jnp.int32(number), params, {}, optax.adamw(1e-3).init(params))


IDENTITY = {"config": {"seed": 3}}


def items(number: int) -> dict:
    return experiment.items_of(a_state(number))


def abstract() -> dict:
    sharding = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    shapes = jax.eval_shape(lambda: items(0))
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), shapes)


def saved(folder: pathlib.Path, *steps: int) -> pathlib.Path:
    store = checkpoint.Store(folder)
    for number in steps:
        store.save(number, items(number), IDENTITY)
    store.close()
    return folder


def restored(folder: pathlib.Path) -> step.State | None:
    found = checkpoint.Store(folder).restore(abstract())
    return None if found is None else experiment.state_of(found)


def data_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """The files that hold array values, largest first."""
    return sorted((p for p in folder.rglob("*") if p.is_file()), key=lambda p: -p.stat().st_size)


def test_what_is_saved_comes_back_bit_for_bit_and_in_its_types(tmp_path):
    found = restored(saved(tmp_path, 3))
    assert leaves.tree_hash(found) == leaves.tree_hash(a_state(3))
    assert jax.tree.structure(found) == jax.tree.structure(a_state(3))  # optax's NamedTuples, not dicts


def test_nothing_there_is_none(tmp_path):
    assert restored(tmp_path / "checkpoints") is None


def test_two_newest_and_the_best_are_kept(tmp_path):
    store = checkpoint.Store(tmp_path)
    for number, best in [(1, set()), (2, {2}), (3, {2, 3}), (4, {2, 3}), (5, {2, 3}), (6, {2, 3}), (7, {2, 3})]:
        store.save(number, items(number), IDENTITY, best)
    store.close()
    assert store.steps() == [2, 3, 6, 7]


def test_a_state_may_change_as_soon_as_save_returns(tmp_path):
    """Donated buffers are overwritten by the next steps while the save still runs in the background."""
    overwrite = jax.jit(lambda leaf: 1.5 * leaf + 1, donate_argnums=0)
    leaf = jax.jit(lambda: jnp.ones((3000, 3000)))()
    store, expected = checkpoint.Store(tmp_path), leaves.tree_hash(leaf)
    store.save(3, {"net": {"leaf": leaf}}, IDENTITY)
    for _ in range(20):
        leaf = overwrite(leaf)
    jax.block_until_ready(leaf)
    store.close()
    sharding = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    abstract = {"net": {"leaf": jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)}}
    assert leaves.tree_hash(checkpoint.load(tmp_path / "3", abstract)["net"]["leaf"]) == expected


def test_any_flipped_bit_is_noticed_and_the_step_before_taken(tmp_path, capfd, rng):
    noticed, named = 0, 0
    for trial in range(12):
        folder = saved(tmp_path / str(trial) / "checkpoints", 1, 2)
        path = data_files(folder / "2")[trial % 3]
        content = bytearray(path.read_bytes())
        at = rng.integers(len(content))
        content[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(content)
        found = restored(folder)
        told = capfd.readouterr().err
        if int(found.step) == 1:
            assert "CHECKPOINT 2 IS DAMAGED" in told
            assert (folder.with_name("damaged") / "2").is_dir()
            assert not (folder / "2").exists()
            noticed += 1
            named += "leaf [" in told
        else:  # a byte that orbax does not read: then nothing may have changed
            assert leaves.tree_hash(found) == leaves.tree_hash(a_state(2))
    assert noticed >= 4


def test_a_changed_weight_is_named(tmp_path, monkeypatch):
    """Where orbax restores silently, the leaf is named."""
    folder = saved(tmp_path, 1)
    load = checkpoint.ocp.load_checkpointables

    def flipped(*arguments):
        tree = load(*arguments)
        layer = tree["net"]["params"]["layer1"]
        kernel = np.array(layer["kernel"])
        kernel.view(np.uint8).reshape(-1)[1234] ^= 4
        layer["kernel"] = jnp.asarray(kernel)
        return tree

    monkeypatch.setattr(checkpoint.ocp, "load_checkpointables", flipped)
    with pytest.raises(checkpoint.Damaged, match=r"leaf \['net'\]\['params'\]\['layer1'\]\['kernel'\] has sha256"):
        checkpoint.load(folder / "1", abstract())


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_truncated_files_fall_back(tmp_path, share, capfd):
    folder = saved(tmp_path, 1, 2)
    for path in data_files(folder / "2")[:2]:
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
    assert int(restored(folder).step) == 1
    assert "CHECKPOINT 2 IS DAMAGED" in capfd.readouterr().err


def test_all_steps_damaged_ends_the_run_and_all_are_kept_aside(tmp_path, capfd):
    folder = saved(tmp_path / "checkpoints", 1, 2)
    for number in "12":
        (folder / number / "_CHECKPOINT_METADATA").write_text("{")
    with pytest.raises(Failed, match=r"all of \[1, 2\] are damaged"):
        restored(folder)
    assert sorted(p.name for p in folder.with_name("damaged").iterdir()) == ["1", "2"]
    assert capfd.readouterr().err.count("DAMAGED") == 2


def test_a_checkpoint_of_another_net_is_no_damage_and_stays(tmp_path):
    folder = saved(tmp_path, 1, 2)
    other = abstract()
    del other["net"]["params"]["layer1"]["kernel"]
    with pytest.raises(BadInput, match=r"found \['net'\].*\['kernel'\] float32\[64, 32\], expected none"):
        checkpoint.Store(folder).restore(other)
    assert checkpoint.Store(folder).steps() == [1, 2]


def test_after_a_fall_back_the_same_step_can_be_saved_again(tmp_path):
    folder = saved(tmp_path, 1, 2)
    (folder / "2" / "_CHECKPOINT_METADATA").write_text("{")
    store = checkpoint.Store(folder)
    assert int(store.restore(abstract())["optimizer"]["step"]) == 1
    store.save(2, items(2), IDENTITY)
    store.close()
    assert int(restored(folder).step) == 2


def test_a_disk_that_takes_no_more_loses_nothing(tmp_path):
    """A limit on the size of files stands in for a full disk: writing fails in the background, as there."""
    folder = saved(tmp_path, 1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = checkpoint.Store(folder)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        with pytest.raises(Failed, match=r"checkpoint: could not be written .* intact earlier steps: \[1\]"):
            store.save(2, items(2), IDENTITY)
            store.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert int(restored(folder).step) == 1


def failing(monkeypatch, name: str, *, written: bool, times: int) -> None:
    """Lets a method of orbax end in an error, once what it does is on disk or before it does anything."""
    true, left = getattr(ocp.training.Checkpointer, name), iter(range(times))

    def fail(self, *arguments, **options):
        if next(left, None) is None:
            return true(self, *arguments, **options)
        if written:
            true(self, *arguments, **options)
        raise RuntimeError("release unlocked lock")

    monkeypatch.setattr(ocp.training.Checkpointer, name, fail)


@pytest.mark.parametrize("written", [True, False])
def test_an_error_of_orbax_behind_a_whole_checkpoint_is_said_and_loses_nothing(tmp_path, monkeypatch, capfd, written):
    """Or before it is whole, while it is being written still."""
    failing(monkeypatch, "close", written=written, times=1)
    folder = saved(tmp_path, 1, 2)
    said = capfd.readouterr().err
    assert "bigdeep: checkpoint: release unlocked lock, after step 2, which is on disk\n" in said
    assert int(restored(folder).step) == 2


def test_a_save_that_fails_behind_a_whole_checkpoint_is_tried_once_more(tmp_path, monkeypatch, capfd):
    folder = saved(tmp_path, 1)
    failing(monkeypatch, "save_checkpointables_async", written=False, times=1)
    store = checkpoint.Store(folder)
    store.restore(abstract())
    store.save(2, items(2), IDENTITY)
    store.close()
    assert "after step 1, which is on disk" in capfd.readouterr().err
    assert leaves.tree_hash(restored(folder)) == leaves.tree_hash(a_state(2))


def test_a_save_that_is_on_its_way_when_orbax_reports_an_error_is_awaited_and_not_begun_again(tmp_path, monkeypatch):
    store, saves = checkpoint.Store(saved(tmp_path, 1)), []
    store.restore(abstract())
    failing(monkeypatch, "save_checkpointables_async", written=True, times=1)
    save = ocp.training.Checkpointer.save_checkpointables_async
    monkeypatch.setattr(
        ocp.training.Checkpointer,
        "save_checkpointables_async",
        lambda *arguments, **options: saves.append(arguments[1]) or save(*arguments, **options),
    )
    store.save(2, items(2), IDENTITY)
    store.close()
    assert saves == [2]
    assert leaves.tree_hash(restored(tmp_path)) == leaves.tree_hash(a_state(2))


def test_a_step_is_saved_again_where_it_gets_an_item_and_only_then(tmp_path):
    saved(tmp_path, 1, 2)
    more = {**items(2), "average": items(3)["net"]}
    for each, expected in ((items(2), {"net", "optimizer"}), (more, {*more}), (items(2), {*more})):
        store = checkpoint.Store(tmp_path)
        store.restore(abstract())
        for _ in range(2):
            store.save(2, each, IDENTITY)
        store.close()
        assert checkpoint.names(tmp_path / "2") == expected
    assert leaves.tree_hash(restored(tmp_path)) == leaves.tree_hash(a_state(2))
    assert store.steps() == [1, 2]


@pytest.mark.parametrize(("earlier", "times"), [((), 1), ((1,), 2)])
def test_a_save_that_fails_with_nothing_behind_it_or_twice_ends_the_run(tmp_path, monkeypatch, earlier, times):
    folder = saved(tmp_path, *earlier)
    failing(monkeypatch, "save_checkpointables_async", written=False, times=times)
    store = checkpoint.Store(folder)
    store.restore(abstract())
    with pytest.raises(Failed, match=r"checkpoint: could not be written to .* \(release unlocked lock\); intact"):
        store.save(2, items(2), IDENTITY)
    assert store.steps() == list(earlier)


def test_one_of_several_processes_does_not_save_again_by_itself(tmp_path, monkeypatch):
    folder = saved(tmp_path, 1)
    store = checkpoint.Store(folder)
    store.restore(abstract())
    failing(monkeypatch, "save_checkpointables_async", written=False, times=1)
    monkeypatch.setattr(processes, "alone", lambda: False)
    with pytest.raises(Failed, match=r"\(release unlocked lock\); intact earlier steps: \[1\]"):
        store.save(2, items(2), IDENTITY)


def test_an_item_is_loaded_without_the_others(tmp_path):
    folder = saved(tmp_path, 1)
    shutil.rmtree(folder / "1" / "optimizer")
    found = checkpoint.load(folder / "1", {"net": abstract()["net"]})
    assert leaves.tree_hash(found["net"]) == leaves.tree_hash(items(1)["net"])


def test_a_checkpoint_knows_what_run_it_belongs_to(tmp_path):
    assert checkpoint.Store(tmp_path / "empty").identity() is None
    folder = saved(tmp_path, 1, 2)
    assert checkpoint.Store(folder).identity() == IDENTITY
    path = folder / "2" / "_CHECKPOINT_METADATA"
    path.write_text(path.read_text().replace('"seed": 3', '"seed": 4'))
    with pytest.raises(checkpoint.Damaged, match="not the one that was saved"):
        checkpoint.about(folder / "2")
    assert checkpoint.Store(folder).identity() == IDENTITY  # of the step before


@pytest.mark.parametrize("name", ["[a]", "lr=[1e-3]", "a\\b", "what?", "all*", "{x}", "ein Läufchen", "~", "a%20b#c"])
def test_any_path_that_the_file_system_takes_will_do(tmp_path, name):
    """Orbax reads some of these as patterns."""
    folder = saved(tmp_path / name / "checkpoints", 1, 2)
    assert checkpoint.Store(folder).steps() == [1, 2]
    assert leaves.tree_hash(restored(folder)) == leaves.tree_hash(a_state(2))


def test_what_the_system_does_not_give_out_is_no_damage(tmp_path, monkeypatch):
    """A file without permission to read it; a medium that fails. Root reads everything, so `open` refuses here."""
    folder = saved(tmp_path, 1, 2)
    (folder / "2" / "_CHECKPOINT_METADATA").write_text("{")  # whatever orbax says of it
    opened = pathlib.Path.open

    def refuse(path, *arguments, **options):
        if "2/net/d/" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(pathlib.Path, "open", refuse)
    with pytest.raises(Failed, match="Permission denied; nothing was changed"):
        restored(folder)
    assert checkpoint.Store(folder).steps() == [1, 2]
    monkeypatch.setattr(os, "listdir", lambda path: refuse(pathlib.Path("2/net/d/x")))
    with pytest.raises(Failed, match="Permission denied; nothing was changed"):
        checkpoint.Store(folder).steps()


def test_hash_knows_values_types_shapes_and_names():
    base = {"a": np.zeros(4, np.float32)}
    others = [{"a": np.ones(4, np.float32)}, {"a": np.zeros(4, np.int32)}, {"a": np.zeros((2, 2), np.float32)},
              {"b": np.zeros(4, np.float32)}, {"a": -np.zeros(4, np.float32)}]  # fmt: skip
    assert len({leaves.tree_hash(tree) for tree in [base, *others]}) == 6
