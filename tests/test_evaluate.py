"""Error counts, committees, and deformed copies."""

import json
import shutil

import jax
import numpy as np
import pytest

from bigdeep import configfile, evaluate, experiment, training
from bigdeep.errors import BadInput
from bigdeep.run import folder as folders
from bigdeep.run import record as run_record
from bigdeep.sections import plain
from bigdeep.tools import mistakes
from conftest import ROOT, run_bigdeep


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of a tiny net, of two seeds, with a validation split of their own."""
    folder = tmp_path_factory.mktemp("runs")
    config = plain(configfile.load(f"{ROOT / 'configs' / 'mlp2.py'}:smoke"))
    config["data"]["validation"] = "last:300"
    config["model"]["widths"] = [20]
    config["augment"] = [each for each in config["augment"] if each["name"] != "sharpen"]  # not scaled
    for seed in (0, 1):
        training.run({**config, "name": "tiny", "seed": seed}, str(folder / str(seed)))
    return [folder / "0", folder / "1"]


def test_errors_are_counted_one_by_one(rng):
    scores, labels = rng.standard_normal((1001, 10)), rng.integers(0, 10, 1001)
    wrong = [max(range(10), key=lambda c: row[c]) != label for row, label in zip(scores, labels, strict=True)]
    assert evaluate.count_errors(scores, labels) == sum(wrong)
    assert evaluate.halves(scores, labels) == [sum(wrong[:500]), sum(wrong[500:])]


def test_equal_scores_go_to_the_lower_class():
    assert evaluate.count_errors(np.zeros((2, 10)), np.array([0, 1])) == 1


@pytest.mark.slow
def test_copies_without_strength_change_nothing(runs):
    alone = evaluate.member(runs[0], copies=3, strength=0.0)
    np.testing.assert_allclose(alone.averaged, alone.scores, atol=1e-6)
    deformed = evaluate.member(runs[0], copies=3, strength=1.0)
    np.testing.assert_array_equal(deformed.scores, alone.scores)
    assert np.abs(deformed.averaged - alone.scores).max() > 0.05
    np.testing.assert_allclose(deformed.averaged.sum(axis=1), 1.0, atol=1e-5)


def test_copies_know_no_labels(runs):
    """Every image is deformed as one of class 0 is: the same images with other labels give the same copies."""
    net = folders.net(runs[0])
    built = experiment.build(net.config)
    images = built.data.test.images[:40]
    deform = evaluate.deformed_copies(net, 1.0)
    expected = built.augment(jax.random.key(5), images, np.zeros(40, np.uint8), 1.0)
    np.testing.assert_array_equal(deform(jax.random.key(5), images), np.rint((expected + 1) * 127.5))


def test_a_committee_is_the_mean_of_probabilities(runs):
    members = [evaluate.member(folder, split="validation") for folder in runs]
    assert [len(each.split.labels) for each in members] == [300, 300]
    whole = evaluate.committee(members, runs)
    np.testing.assert_allclose(whole.scores, (members[0].scores + members[1].scores) / 2)
    done = run_bigdeep("bigdeep.evaluate", f"--workdir={runs[0]},{runs[1]}", "--split=validation")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    labels = whole.split.labels
    assert counts["validation_errors"] == evaluate.count_errors(whole.scores, labels)
    assert [m["validation_errors"] for m in counts["members"]] == [
        evaluate.count_errors(each.scores, labels) for each in members
    ]
    assert [member["seed"] for member in counts["members"]] == [0, 1]


def test_errors_by_hand_are_all_errors_once():
    """Three writers of two series: each error and each image under one of them."""
    scores = np.eye(10)[[1, 1, 2, 3, 4, 5]]
    labels, series, writer = np.array([1, 0, 0, 3, 0, 5]), np.array([4, 4, 4, 0, 0, 0]), np.array([7, 7, 8, 9, 9, 9])
    hands = evaluate.writers.Hands(series, writer)
    assert evaluate.by_hand(scores, labels, hands, "series") == {"by_series": {0: [1, 3], 4: [2, 3]}}
    found = evaluate.by_hand(scores, labels, hands, "writer")
    assert found == {
        "by_series": {0: [1, 3], 4: [2, 3]},
        "by_writer": [[7, 1, 2], [8, 1, 1], [9, 1, 3]],
        "writers": 3,
    }


def test_members_of_other_data_are_refused(runs):
    first, second = (evaluate.member(folder) for folder in runs)
    with pytest.raises(BadInput, match="data of --workdir b: found .*expected those of the first"):
        evaluate.committee([first, second._replace(dataset={"name": "other"})], ["a", "b"])


def test_a_net_comes_back_without_data_optimizer_loss_or_schedule(runs, tmp_path, monkeypatch):
    """Its logits are those of a run's own forward pass; nothing but config.json and the checkpoint's net is read."""
    net = folders.net(runs[0])
    data = evaluate.splits_of(net, runs[0])
    expected = evaluate.member(runs[0]).scores
    copy = tmp_path / "copy"
    shutil.copytree(runs[0], copy)
    for optimizer in (copy / "checkpoints").glob("*/optimizer"):
        shutil.rmtree(optimizer)
    for module in ("bigdeep.data.load", "bigdeep.learn.optim.build", "bigdeep.learn.losses.build"):
        monkeypatch.setattr(module, None)
    again = folders.net(copy)
    logits = again.logits(again.params, again.model_state, data.test.images)
    np.testing.assert_allclose(jax.nn.softmax(logits), expected, atol=1e-6)


def test_a_lost_config_is_known_to_the_checkpoint_and_an_old_run_is_named(runs, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(runs[0], copy)
    expected = folders.read_config(copy)
    for text in (None, "{"):
        (copy / "config.json").unlink() if text is None else (copy / "config.json").write_text(text)
        found = folders.read_config(copy)
        assert (found["config"], found["dataset"]) == (expected["config"], expected["dataset"])
    (copy / "config.json").write_text(json.dumps({"config": {}, "dataset": {"name": "mnist", "sha256": ""}}))
    with pytest.raises(BadInput, match="found 'a run of bigdeep 0.1', expected one of 0.2 or later; train it again"):
        folders.read_config(copy)


def test_best_row_is_the_latest_of_the_fewest_validation_errors_whatever_the_test_set_says():
    rows = [
        {"step": 1},
        {"step": 2, "validation_errors": 5, "test_errors": 1},
        {"step": 3, "validation_errors": 4, "test_errors": 9},
        {"step": 4, "validation_errors": 4, "test_errors": 8},
        {"step": 5, "validation_errors": 6, "test_errors": 0},
        {"step": 6},
    ]
    assert run_record.best_row(rows)["step"] == 4
    assert run_record.best_row(rows[:1]) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workdir="], "--workdir: found '', expected the folder of a run"),
        (["--workdir={run}", "--strength=nan"], "--strength: found nan, expected a finite number"),
        (["--workdir={run}", "--config.epochs=3"], "--config.epochs: found '3', expected only keys of config.model"),
        (["--workdir={run}", "--config.model.colum=1"], "config.model.colum: found 'an unknown key'"),
        (["--workdir={run}", "--config.model.widths=abc"], "--config.model.widths=abc: found 'abc', expected"),
    ],
)
def test_bad_flags_are_one_line(runs, arguments, message):
    done = run_bigdeep("bigdeep.evaluate", *(argument.format(run=runs[0]) for argument in arguments))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert message in done.stderr


def test_a_run_is_evaluated_on_any_devices_from_anywhere_and_by_any_name(runs, tmp_path):
    """Seven devices do not divide the batch; the name has a comma and brackets."""
    odd = tmp_path / "a,b [c]"
    shutil.copytree(runs[0], odd)
    done = run_bigdeep(
        "bigdeep.evaluate", f"--workdir={odd},{runs[0]}", XLA_FLAGS="--xla_force_host_platform_device_count=7"
    )
    assert done.returncode == 0, done.stderr
    one, other = json.loads(done.stdout)["members"]
    assert one == other


def test_mistakes_are_those_that_are_counted(rng):
    scores = rng.dirichlet(np.ones(10), 200)
    labels = rng.integers(0, 10, 200)
    found = mistakes.mistakes(scores, labels)
    assert len(found) == evaluate.count_errors(scores, labels)
    second = 0
    for each in found:
        row = scores[each["index"]]
        first, other = sorted(range(10), key=lambda c: -row[c])[:2]
        assert each["label"] == labels[each["index"]] != first
        assert [guess[0] for guess in each["guesses"]] == [first, other]
        np.testing.assert_allclose([guess[1] for guess in each["guesses"]], row[[first, other]], atol=5e-5)
        second += other == each["label"]
    assert mistakes.second_right(found) == second > 0


def test_the_sheet_of_mistakes_and_its_record(runs, tmp_path):
    done = run_bigdeep("bigdeep.tools.mistakes", f"--workdir={runs[0]}", f"--output={tmp_path / 'm.png'}")
    assert done.returncode == 0, done.stderr
    counts, record = json.loads(done.stdout), json.loads((tmp_path / "m.json").read_text())
    alone = evaluate.member(runs[0])
    assert counts["test_errors"] == len(record["mistakes"]) == evaluate.count_errors(alone.scores, alone.split.labels)
    picture = mistakes.sheet(alone.split.images, record["mistakes"][:11])
    height, width = 3 * 29 + mistakes.CAPTION + mistakes.MARGIN, 3 * 29 + mistakes.MARGIN
    assert picture.size == (10 * width, 2 * height)
    index = record["mistakes"][10]["index"]
    corner = np.asarray(picture)[height : height + 87 : 3, :87:3, 0]
    np.testing.assert_array_equal(corner, alone.split.images[index, :, :, 0])
