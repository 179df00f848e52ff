"""The run: files and figures it leaves, signals, changed configs, explosions, several devices."""

import concurrent.futures
import contextlib
import errno
import gc
import json
import os
import pathlib
import re
import shutil
import signal
import time

import jax
import numpy as np
import pytest

import warm
from bigdeep import evaluate, experiment, export, models, training
from bigdeep.errors import BadInput, Failed, Stopped
from bigdeep.run import checkpoint, files, folder, leaves, record, signals
from bigdeep.run.journal import read_rows
from bigdeep.run.progress import Progress
from conftest import run_bigdeep


@pytest.fixture
def tiny(smoke) -> dict:
    """Two epochs of ten steps on the embedded digits, in chunks of five, saving after each; one deformation alone."""
    changes = {"batch_size": 400, "log_steps": 5, "checkpoint_seconds": 0.0, "mixup": 0.0}
    config = smoke("mlp2")
    elastic = [section for section in config["augment"] if section["name"] == "elastic"]
    return {**config, **changes, "augment": elastic, "model": {**config["model"], "widths": [20]}}


def without_clocks(path: pathlib.Path) -> list[dict]:
    return [{k: v for k, v in row.items() if k not in ("seconds", "images_per_second")} for row in read_rows(path)]


@pytest.mark.slow
def test_a_run_leaves_its_files_and_its_figures_agree(tiny, tmp_path):
    tiny["log_steps"] = 4  # what is left of an epoch is a chunk too
    result = training.run(tiny, str(tmp_path))
    rows = read_rows(tmp_path / "metrics.jsonl")
    assert [row["step"] for row in rows] == [4, 8, 10, 14, 18, 20]
    assert folder.read_result(tmp_path) == result
    assert json.loads((tmp_path / "config.json").read_text())["config"] == tiny
    evaluated = [row for row in rows if "test_errors" in row]
    assert [row["epoch"] for row in evaluated] == [1, 2]
    assert result["validation_errors"] == min(row["validation_errors"] for row in evaluated)
    assert result["test_errors_final"] == evaluated[-1]["test_errors"]
    assert result["test_errors_best"] == min(row["test_errors"] for row in evaluated)
    assert sum(result["test_errors_halves"]) == result["test_errors_at_best_validation"]
    assert (result["config"], result["dataset"]["name"]) == ("test", "mnist-5k")
    assert (result["test_total"], result["validation_total"], result["steps"]) == (1000, 4000, 20)
    assert result["parameters"] == 841 * 20 + 20 + 20 + 20 * 10 + 10  # with a scale and a shift a hidden unit
    assert re.fullmatch("[0-9a-f]{64}", result["state_sha256"])
    for row in rows:
        assert {"epoch", "seconds", "train_loss", "learning_rate", "gradient_norm", "update_ratio"} < row.keys()
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert training.run(tiny, str(tmp_path)) == result  # finished: nothing is trained again


@pytest.mark.slow
def test_the_selected_checkpoint_has_the_errors_of_the_record(tiny, tmp_path):
    result = training.run(tiny, str(tmp_path))
    done = run_bigdeep("bigdeep.evaluate", f"--workdir={tmp_path}")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["dataset"] == "mnist-5k"
    assert counts["test_errors"] == result["test_errors_at_best_validation"]
    assert counts["test_errors_halves"] == result["test_errors_halves"]


@pytest.mark.parametrize("number", signals.SIGNALS)
@pytest.mark.slow
def test_a_signal_saves_and_the_resumed_run_ends_in_the_same_bits(tiny, tmp_path, monkeypatch, request, number):
    before = signal.signal(number, signal.SIG_DFL)  # tests that run in the background start deaf to SIGINT
    request.addfinalizer(lambda: signal.signal(number, before))
    tiny["checkpoint_seconds"] = 1000.0  # so that only the signal saves
    expected = training.run(tiny, str(tmp_path / "whole"))
    show = Progress.show

    def interrupt(progress, row):
        show(progress, row)
        if row["step"] == 5:
            os.kill(os.getpid(), number)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "show", interrupt)
        with pytest.raises(Stopped, match=f"{signal.Signals(number).name} at step") as stopped:
            training.run(tiny, str(tmp_path / "cut"))
    assert stopped.value.exit_code == 75
    assert not (tmp_path / "cut" / "result.json").exists()
    found = training.run(tiny, str(tmp_path / "cut"))
    assert found["state_sha256"] == expected["state_sha256"]
    whole, cut = (without_clocks(tmp_path / name / "metrics.jsonl") for name in ("whole", "cut"))
    assert cut == whole
    seconds = [row["seconds"] for row in read_rows(tmp_path / "cut" / "metrics.jsonl")]
    assert seconds == sorted(seconds)


@pytest.mark.slow
def test_a_run_killed_at_any_moment_ends_in_the_same_bits(tmp_path):
    """kill -9 by the system itself, again and again, wherever the run happens to be."""
    options = ["--config=configs/mlp2.py:smoke", "--config.epochs=2", "--config.checkpoint_seconds=0.",
               "--config.log_steps=3", "--config.data.validation=last:100"]  # fmt: skip
    whole = run_bigdeep(*options, f"--workdir={tmp_path / 'whole'}")
    assert whole.returncode == 0, whole.stderr
    rows = len(read_rows(tmp_path / "whole" / "metrics.jsonl"))
    folder, kills = tmp_path / "killed", 0
    for target in (1, rows // 3, rows // 2, rows):
        process = warm.start("bigdeep.main", [*options, f"--workdir={folder}"], str(tmp_path))
        while process.is_alive() and len(read_rows(folder / "metrics.jsonl")) < target:
            time.sleep(0.005)
        if target < rows:
            process.kill()
            kills += 1
        process.join(120)
        expected = -signal.SIGKILL if target < rows else 0
        assert process.exitcode == expected, (tmp_path / "err").read_text()
    assert kills == 3
    results = [json.loads((path / "result.json").read_text()) for path in (folder, tmp_path / "whole")]
    for key in ("state_sha256", "test_errors_final", "validation_errors", "test_errors_halves", "steps"):
        assert results[0][key] == results[1][key]
    assert without_clocks(folder / "metrics.jsonl") == without_clocks(tmp_path / "whole" / "metrics.jsonl")
    last = str(results[0]["steps"])
    hashes = [checkpoint.ocp.metadata(p / "checkpoints" / last).custom_metadata for p in (folder, tmp_path / "whole")]
    assert hashes[0] == hashes[1]  # of every leaf, the optimizer's too


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # orbax leaves open files behind
@pytest.mark.slow
def test_a_damaged_checkpoint_costs_only_the_steps_since_the_one_before(tiny, tmp_path, capfd):
    expected = training.run(tiny, str(tmp_path))
    (tmp_path / "result.json").unlink()
    path = max((tmp_path / "checkpoints" / "20").rglob("*"), key=lambda p: p.stat().st_size if p.is_file() else 0)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)
    assert training.run(tiny, str(tmp_path))["state_sha256"] == expected["state_sha256"]
    assert "CHECKPOINT 20 IS DAMAGED" in capfd.readouterr().err
    steps = [row["step"] for row in read_rows(tmp_path / "metrics.jsonl")]
    assert steps == [5, 10, 15, 20]
    gc.collect()


@pytest.mark.slow
def test_a_changed_config_is_refused_with_the_difference(tiny, tmp_path):
    training.run(tiny, str(tmp_path))
    longer = {**tiny, "epochs": 3, "loss": {**tiny["loss"], "label_smoothing": 0.0}}
    with pytest.raises(
        BadInput, match=r"config\.epochs: 2 -> 3; config\.loss\.label_smoothing: 0\.1 -> 0\.0.*force_resume"
    ):
        training.run(longer, str(tmp_path))
    result = training.run(longer, str(tmp_path), force_resume=True)
    assert result["steps"] == 30
    assert [row["step"] for row in read_rows(tmp_path / "metrics.jsonl")][:4] == [5, 10, 15, 20]
    assert training.run(longer, str(tmp_path)) == result


@pytest.mark.slow
def test_a_forced_change_without_new_steps_is_no_old_result(tiny, tmp_path):
    """Nor does a shorter run count what was trained longer, nor another net take the checkpoints of this one."""
    old = training.run(tiny, str(tmp_path))
    changed = {**tiny, "loss": {**tiny["loss"], "label_smoothing": 0.0}}
    assert training.run(changed, str(tmp_path), force_resume=True)["config_sha256"] != old["config_sha256"]
    with pytest.raises(BadInput, match="found 'a run at step 20', expected one of 10 steps"):
        training.run({**changed, "epochs": 1}, str(tmp_path), force_resume=True)
    with pytest.raises(BadInput, match="expected float32"):
        training.run({**changed, "model": {**tiny["model"], "widths": [30]}}, str(tmp_path), force_resume=True)
    assert (tmp_path / "checkpoints" / "20").is_dir()
    assert training.run(changed, str(tmp_path))["steps"] == 20


@pytest.mark.slow
def test_another_data_set_under_the_same_config_is_refused(tiny, tmp_path):
    training.run(tiny, str(tmp_path))
    path = tmp_path / "config.json"
    path.write_text(path.read_text().replace('"mnist-5k"', '"mnist"'))
    with pytest.raises(BadInput, match="dataset.name: 'mnist' -> 'mnist-5k'"):
        training.run(tiny, str(tmp_path))


@pytest.mark.slow
def test_a_lost_or_broken_config_is_known_to_the_checkpoint(tiny, tmp_path):
    training.run(tiny, str(tmp_path))
    for text in (None, '{"config": {', "[1]", "{}"):
        path = tmp_path / "config.json"
        path.unlink() if text is None else path.write_text(text)
        with pytest.raises(BadInput, match="config.seed: 0 -> 1"):
            training.run({**tiny, "seed": 1}, str(tmp_path))
    (tmp_path / "result.json").unlink()
    training.run(tiny, str(tmp_path))
    assert folder.read_config(tmp_path)["config"] == tiny


def test_there_is_no_result_of_weights_that_are_not_on_disk(tiny, tmp_path, monkeypatch):
    """The last checkpoint fails while it is written in the background."""
    close = checkpoint.Store.close

    def fail(store):
        close(store)
        raise Failed("checkpoint: could not be written")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.Store, "close", fail)
        with pytest.raises(Failed, match="could not be written"):
            training.run(tiny, str(tmp_path))
    assert not (tmp_path / "result.json").exists()


@pytest.mark.parametrize("flipped", [True, False], ids=["one bit flipped", "cut short"])
@pytest.mark.slow
def test_a_broken_result_is_made_again_from_the_checkpoint(flipped, tiny, tmp_path):
    result = training.run(tiny, str(tmp_path))
    written = (tmp_path / "result.json").read_text()
    (tmp_path / "result.json").write_text(written.replace('"seed": 0', '"seed": 2') if flipped else written[:100])
    clocks = ("seconds", "images_per_second")
    again = training.run(tiny, str(tmp_path))
    assert {k: v for k, v in again.items() if k not in clocks} == {k: v for k, v in result.items() if k not in clocks}


def test_a_run_in_a_thread_leaves_signals_to_the_main_one(tiny, tmp_path):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        assert pool.submit(training.run, tiny, str(tmp_path)).result()["steps"] == 20
    assert folder.net(str(tmp_path)).step == 20


def test_lost_checkpoints_destroy_no_records(tiny, tmp_path):
    result = training.run(tiny, str(tmp_path))
    shutil.rmtree(tmp_path / "checkpoints")
    metrics = (tmp_path / "metrics.jsonl").read_bytes()
    assert training.run(tiny, str(tmp_path)) == result  # finished: its result is all that is asked for
    with pytest.raises(BadInput, match="found 'no checkpoints/20', expected a run with its best checkpoint"):
        folder.net(tmp_path)
    (tmp_path / "result.json").unlink()
    with pytest.raises(BadInput, match="found 'a run without its checkpoints/', expected all of it"):
        training.run(tiny, str(tmp_path))
    assert (tmp_path / "metrics.jsonl").read_bytes() == metrics


def test_a_run_that_is_ended_earlier_than_planned_is_evaluated_where_it_ends(tiny, tmp_path, monkeypatch):
    """Stopped after two of four epochs, before any evaluation, then made two epochs long."""
    long = {**tiny, "epochs": 4, "evaluate_epochs": 4}
    calls = iter([None] * 4)
    with monkeypatch.context() as patch:
        patch.setattr(signals, "caught", lambda: contextlib.nullcontext(lambda: next(calls, "SIGINT")))
        with pytest.raises(Stopped, match="at step 20"):
            training.run(long, str(tmp_path))
    result = training.run({**long, "epochs": 2}, str(tmp_path), force_resume=True)
    rows = read_rows(tmp_path / "metrics.jsonl")
    assert rows[-1]["step"] == 20
    assert result["test_errors_final"] == rows[-1]["test_errors"] == result["test_errors_at_best_validation"]
    counts = json.loads(evaluated("", tmp_path).stdout)
    assert counts["test_errors"] == result["test_errors_final"]


def test_a_file_system_without_locks_is_no_other_run(tiny, tmp_path, monkeypatch, capfd):
    def unsupported(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(files.fcntl, "flock", unsupported)
    with files.claim(tmp_path):
        assert "lies on a file system without locks" in capfd.readouterr().err


def test_a_signal_that_is_ignored_stays_ignored(monkeypatch):
    """As in `nohup … &` of a script, whose background jobs ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with signals.caught() as received:
            os.kill(os.getpid(), signal.SIGINT)
            assert not received()
            os.kill(os.getpid(), signal.SIGTERM)
            assert received() == "SIGTERM"
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_second_run_in_the_same_folder_is_refused(tiny, tmp_path):
    with files.claim(tmp_path), pytest.raises(BadInput, match="in use by another run"):
        training.run(tiny, str(tmp_path))
    training.run(tiny, str(tmp_path))


def test_a_folder_that_cannot_be_made_is_named(tiny, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="--workdir: found .*file/run .*expected a folder to write in"):
        training.run(tiny, str(tmp_path / "file" / "run"))


@pytest.mark.slow
def test_an_explosion_names_the_step_and_keeps_the_last_good_checkpoint(tiny, tmp_path):
    training.run(tiny, str(tmp_path))
    exploding = {**tiny, "epochs": 4, "schedule": {"name": "constant", "rate": 1e30}, "warmup_epochs": 0.0}
    with pytest.raises(Failed, match=r"(train_loss|gradient_norm|update_ratio) is (nan|inf) in step 2[0-4]") as told:
        training.run(exploding, str(tmp_path), force_resume=True)
    assert re.search(
        "first to grow was the (weight|gradient) norm of (dense1|output), in step 2[0-4]: from", str(told.value)
    )
    assert "a lower --config.schedule.rate" in str(told.value)
    assert "\n" not in str(told.value)
    assert (tmp_path / "checkpoints" / "20").is_dir()
    rows = read_rows(tmp_path / "metrics.jsonl")
    assert all(np.isfinite(row["train_loss"]) for row in rows)
    assert rows[-1]["step"] == 20


def test_an_explosion_before_any_checkpoint_is_replayed_from_the_start(tiny, tmp_path):
    """Gradient descent on squared errors at far too high a rate: gradients grow step by step until they overflow."""
    config = {**tiny, "optimizer": {"name": "sgd"}, "loss": {"name": "squared_error", "low": 0.0, "high": 1.0}}
    config["model"] = {**tiny["model"], "activation": "linear"}
    config |= {"schedule": {"name": "constant", "rate": 3.0}, "warmup_epochs": 0.0}
    with pytest.raises(
        Failed, match=r"is (nan|inf) in step (\d+); first to grow was the gradient norm of .*, in step \d: "
    ) as told:
        training.run(config, str(tmp_path))
    failed, grew = (int(number) for number in re.findall(r"in step (\d+)", str(told.value)))
    assert grew < failed < 20


@pytest.mark.parametrize("name", ["deep", "fractalnet"])
def test_an_explosion_of_nets_with_nested_layers_is_told_in_one_line(smoke, tmp_path, name):
    config = {**smoke(name), "epochs": 1, "schedule": {"name": "constant", "rate": 1e30}, "warmup_epochs": 0.0}
    with pytest.raises(Failed, match=r"first to grow was .*no checkpoint had been written") as told:
        training.run(config, str(tmp_path))
    assert "\n" not in str(told.value)


@pytest.mark.slow
def test_resuming_keeps_statistics_dropout_and_averages_to_the_bit(tiny, tmp_path, monkeypatch):
    model = {**tiny["model"], "norm": "batch", "dropout_rate": 0.3}
    config = {**tiny, "model": model, "regularisers": [{"name": "average", "share": 0.1}]}
    whole = training.run(config, str(tmp_path / "whole"))
    calls = iter([None] * 3)
    with monkeypatch.context() as patch:
        patch.setattr(signals, "caught", lambda: contextlib.nullcontext(lambda: next(calls, "SIGTERM")))
        with pytest.raises(Stopped):
            training.run(config, str(tmp_path / "cut"))
    resumed = training.run(config, str(tmp_path / "cut"))
    for key in ("state_sha256", "test_errors_final", "test_errors_at_best_validation", "validation_errors"):
        assert resumed[key] == whole[key]


@pytest.mark.slow
def test_a_run_that_keeps_an_average_is_its_average(tiny, tmp_path):
    """Evaluated, selected and loaded, with batch norm's statistics of its own; with the live net's it would be far off.

    The weights that are trained are none the wiser.
    """
    constant = {"schedule": {"name": "constant", "rate": 4e-3}, "epochs": 6, "log_steps": 10, "evaluate_epochs": 3}
    plain = {**tiny, **constant, "model": {**tiny["model"], "norm": "batch"}}
    config = {**plain, "regularisers": [{"name": "average", "share": 0.1}]}
    result, live = training.run(config, str(tmp_path / "averaged")), training.run(plain, str(tmp_path / "plain"))
    assert live["state_sha256"] == result["state_sha256"]
    assert result["test_errors_at_best_validation"] < 1.3 * live["test_errors_at_best_validation"]
    averaged, trained = (folder.net(tmp_path / name) for name in ("averaged", "plain"))
    assert leaves.tree_hash(averaged.params) != leaves.tree_hash(trained.params)
    assert leaves.tree_hash(averaged.model_state) != leaves.tree_hash(trained.model_state)
    found = evaluate.member(tmp_path / "averaged")
    assert evaluate.count_errors(found.scores, found.split.labels) == result["test_errors_at_best_validation"]


def test_a_run_cut_to_where_it_was_saved_without_its_average_is_judged_by_it_all_the_same(tiny, tmp_path, monkeypatch):
    config = {**tiny, "regularisers": [{"name": "average", "share": 0.5}], "evaluate_epochs": 2}
    calls = iter([None] * 2)
    with monkeypatch.context() as patch:
        patch.setattr(signals, "caught", lambda: contextlib.nullcontext(lambda: next(calls, "SIGTERM")))
        with pytest.raises(Stopped, match="at step 10:"):
            training.run(config, str(tmp_path))
    assert checkpoint.names(tmp_path / "checkpoints/10") == {"net", "optimizer"}
    shorter = {**config, "epochs": 1, "evaluate_epochs": 1}
    result = training.run(shorter, str(tmp_path), force_resume=True)
    assert checkpoint.names(tmp_path / "checkpoints/10") == {"net", "optimizer", "average"}
    found = evaluate.member(tmp_path)
    assert evaluate.count_errors(found.scores, found.split.labels) == result["test_errors_at_best_validation"]


@pytest.mark.slow
def test_a_student_learns_from_the_selected_net_of_a_run(tiny, tmp_path):
    teacher = tmp_path / "a teacher, with a comma"
    training.run(tiny, str(teacher))
    distilled = {"name": "distillation", "workdir": str(teacher), "temperature": 2.0, "hard": 0.0}
    student = {**tiny, "loss": distilled, "epochs": 4, "seed": 1}
    result = training.run(student, str(tmp_path / "student"))
    assert result["test_errors_final"] < 0.6 * result["test_total"]  # its teacher: 0.53
    net, splits = folder.net(teacher), experiment.build(tiny).data
    inputs = np.zeros((2, 29, 29, 1), np.float32)
    expected = net.model.apply(net.params, net.model_state, inputs, jax.random.key(0), train=False)[0]
    found = experiment._teacher(splits, teacher)(inputs)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    with pytest.raises(BadInput, match="config.loss.workdir: found .*, expected one of"):
        experiment.build({**student, "data": {**tiny["data"], "size": 32}})
    both = experiment.build({**student, "loss": {**distilled, "workdir": f"{teacher},{tmp_path / 'student'}"}})
    found = [folder.read_result(each)["state_sha256"] for each in (teacher, tmp_path / "student")]
    assert experiment.identity(both)["teacher"] == ",".join(found)
    with jax.enable_x64(True):  # for gradcheck and trace
        assert experiment._teacher(splits, teacher)(inputs).dtype == np.float32
    record.write_result(teacher, folder.read_result(teacher) | {"state_sha256": "0" * 64})
    with pytest.raises(BadInput, match="teacher: '.*' -> '0000"):
        training.run(student, str(tmp_path / "student"))
    with pytest.raises(BadInput, match="no config.json"):
        experiment.build({**student, "loss": {**distilled, "workdir": str(tmp_path / "nobody")}})
    shutil.rmtree(teacher)  # the student is independent by now
    assert evaluate.member(tmp_path / "student").scores.shape == (1000, 10)


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.slow
def test_two_devices_see_the_same_images_and_learn_the_same(together, smoke, tmp_path):
    """The global batch split over two virtual devices: the same losses but for the order of sums."""
    model = {**smoke("mlp2")["model"], "precision": "float32"}
    if together:
        model = {"name": "committee", "members": [model, model], "member": 0}
    options = ["--config=configs/mlp2.py:smoke", "--config.log_steps=11", f"--config.model={model}",
               "--config.epochs=1", "--config.mixup=0"]  # fmt: skip
    losses = []
    for count in (1, 2):
        folder = tmp_path / str(count)
        done = run_bigdeep(*options, f"--workdir={folder}", XLA_FLAGS=f"--xla_force_host_platform_device_count={count}")
        assert done.returncode == 0, done.stderr
        assert json.loads((folder / "result.json").read_text())["device"].startswith(f"{count} x")
        losses.append([row["train_loss"] for row in read_rows(folder / "metrics.jsonl")])
    np.testing.assert_allclose(losses[0], losses[1], rtol=2e-4)


@pytest.mark.slow
def test_a_fractalnet_is_judged_by_statistics_of_the_whole_net_and_a_column_by_those_of_training(smoke, tmp_path):
    plain = smoke("fractalnet")
    config = {**plain, "epochs": 2, "model": {**plain["model"], "norm": "batch"}}
    result = training.run(config, str(tmp_path))
    whole, column = folder.net(tmp_path), folder.net(tmp_path, {"column": 1})
    assert leaves.tree_hash(whole.params) == leaves.tree_hash(column.params) == result["state_sha256"]
    found = evaluate.member(tmp_path)
    assert evaluate.count_errors(found.scores, found.split.labels) == result["test_errors_at_best_validation"]
    assert leaves.tree_hash(whole.model_state) != leaves.tree_hash(column.model_state)
    trained = checkpoint.load(tmp_path / "checkpoints" / str(column.step), {"net": folder.abstract_net(column.model)})
    assert leaves.tree_hash(trained["net"]["model_state"]) == leaves.tree_hash(column.model_state)
    same = folder.net(tmp_path, {"drop_path_rate": 0.0, "global_share": 0.0})  # keys of training only
    assert leaves.tree_hash(same.model_state) == leaves.tree_hash(whole.model_state)
    export.write(whole, result, "safetensors", tmp_path / "net.safetensors")
    with pytest.raises(BadInput, match="found 'a net in a file, judged as a whole', expected the folder of its run"):
        folder.net(tmp_path / "net.safetensors", {"column": 1})


def test_which_item_of_a_checkpoint_is_the_net(smoke):
    def of(*, column=0, asked=0, average=(), **keys):
        model = {**smoke("fractalnet")["model"], "norm": "batch", "column": column, **keys}
        return folder.selected_item({"regularisers": average}, models.build(model, (28, 28, 1), 10), asked)

    averaging, single = [{"name": "average", "share": 0.1}], {"drop_path_rate": 0.0, "global_share": 0.0}
    assert of() == of(average=averaging) == of(average=averaging, **single) == "average"
    assert of(asked=1) == of(asked=1, average=averaging) == of(column=1) == of(**single) == "net"


@pytest.mark.slow
def test_a_run_without_averages_of_its_own_is_the_net_as_it_was_trained(smoke, tmp_path, capfd):
    """As one of before FractalNets were judged by statistics of the whole."""
    plain = smoke("fractalnet")
    model = {**plain["model"], "norm": "batch", "drop_path_rate": 0.0, "global_share": 0.0}
    result = training.run({**plain, "epochs": 1, "warmup_epochs": 0.0, "model": model}, str(tmp_path))
    about = json.loads((tmp_path / "config.json").read_text())
    about["config"]["model"]["drop_path_rate"] = 0.1
    (tmp_path / "config.json").write_text(json.dumps(about))
    assert leaves.tree_hash(folder.net(tmp_path).params) == result["state_sha256"]
    assert "found no 'average'; taking the net as it was trained" in capfd.readouterr().err


@pytest.mark.slow
def test_a_column_of_a_fractalnet_is_evaluated_alone(smoke, tmp_path):
    config = {**smoke("fractalnet"), "epochs": 2}
    training.run(config, str(tmp_path / "fractal"))
    whole, column = (
        json.loads(evaluated("fractal", tmp_path, *flags).stdout) for flags in ((), ("--config.model.column=1",))
    )
    assert whole["test_errors"] != column["test_errors"]
    training.run({**smoke("mlp2"), "epochs": 1}, str(tmp_path / "mlp"))
    refused = evaluated("mlp", tmp_path, "--config.model.column=1")
    assert refused.returncode == 2
    assert "model.column: found 'an unknown key'" in refused.stderr
    refused = evaluated("fractal", tmp_path, "--config.model.column=9")
    assert refused.returncode == 2
    assert "model.column: found 9, expected an integer in [0, 3]" in refused.stderr


@pytest.mark.slow
def test_a_member_of_a_committee_is_evaluated_alone(smoke, tmp_path):
    average = {"regularisers": [{"name": "average", "share": 0.5}]}
    training.run({**smoke("speedrun_60min"), "epochs": 4} | average, str(tmp_path / "both"))
    together, *alone = (json.loads(evaluated("both", tmp_path, f"--config.model.member={k}").stdout) for k in (0, 1, 2))
    assert [each["members"][0]["model"] for each in alone] == [{"member": 1}, {"member": 2}]
    assert together["test_errors"] < max(each["test_errors"] for each in alone)
    assert alone[0]["test_errors"] != alone[1]["test_errors"]
    assert (
        together["test_errors"]
        == json.loads((tmp_path / "both/result.json").read_text())["test_errors_at_best_validation"]
    )


def evaluated(folder, tmp_path, *flags):
    return run_bigdeep("bigdeep.evaluate", f"--workdir={tmp_path / folder}", *flags)
