"""Error counts, committees, and deformed copies."""

import json
import runpy

import jax
import numpy as np
import pytest

from bigdeep import evaluate, experiment, mistakes, train
from bigdeep.config import plain
from bigdeep.errors import BadInput
from conftest import ROOT, run_bigdeep


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of a tiny net, of two seeds, with a validation split of their own."""
    folder = tmp_path_factory.mktemp("runs")
    config = plain(runpy.run_path(str(ROOT / "configs" / "mlp2.py"))["get_config"]("smoke"))
    config["data"]["validation"] = 300
    config["model"]["widths"] = [20]
    config["augment"] = [each for each in config["augment"] if each["name"] != "sharpen"]  # no strength has a say in it
    for seed in (0, 1):
        train.run({**config, "name": "tiny", "seed": seed}, str(folder / str(seed)))
    return [folder / "0", folder / "1"]


def test_errors_are_counted_one_by_one(rng):
    scores, labels = rng.standard_normal((1001, 10)), rng.integers(0, 10, 1001)
    wrong = [max(range(10), key=lambda c: row[c]) != label for row, label in zip(scores, labels, strict=True)]
    assert evaluate.count_errors(scores, labels) == sum(wrong)
    assert evaluate.halves(scores, labels) == [sum(wrong[:500]), sum(wrong[500:])]


def test_equal_scores_go_to_the_lower_class():
    assert evaluate.count_errors(np.zeros((2, 10)), np.array([0, 1])) == 1


def test_copies_without_strength_change_nothing(runs):
    alone = evaluate.member(runs[0], copies=3, strength=0.0)
    np.testing.assert_allclose(alone.averaged, alone.scores, atol=1e-6)
    deformed = evaluate.member(runs[0], copies=3, strength=1.0)
    np.testing.assert_array_equal(deformed.scores, alone.scores)
    assert np.abs(deformed.averaged - alone.scores).max() > 0.05
    np.testing.assert_allclose(deformed.averaged.sum(axis=1), 1.0, atol=1e-5)


def test_copies_know_no_labels(runs):
    """Every image is deformed as one of class 0 is: the same images with other labels give the same copies."""
    record = experiment.read_config(runs[0])
    built, _ = experiment.selected(runs[0])
    deform = evaluate._deformed_bytes(record["config"], built, 1.0)
    images = built.test.images[:40]
    expected = experiment.build(record["config"]).augment(jax.random.key(5), images, np.zeros(40, np.uint8))
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


def test_members_of_other_data_are_refused(runs):
    first, second = (evaluate.member(folder) for folder in runs)
    with pytest.raises(BadInput, match="data of --workdir b: found .*expected those of the first"):
        evaluate.committee([first, second._replace(dataset={"name": "other"})], ["a", "b"])


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
    done = run_bigdeep("bigdeep.mistakes", f"--workdir={runs[0]}", f"--output={tmp_path / 'm.png'}")
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
