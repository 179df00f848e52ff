"""Who wrote MNIST's digits: the files, and splits by writer."""

import gzip
import hashlib
import shutil

import numpy as np
import pytest

from bigdeep.data import embedded, splits, writers
from bigdeep.errors import BadInput


@pytest.fixture(scope="module")
def hands(mnist) -> dict[str, writers.Hands]:
    try:
        return splits.hands(mnist, "")
    except BadInput as error:
        pytest.skip(f"needs QMNIST's labels: {error}")


def test_the_counts_are_those_of_the_published_labels(hands):
    """539 writers in training, 297 others in the test; 5,001 test digits by students, then 4,999 by employees."""
    train, test = hands["train"], hands["test"]
    assert len(np.unique(train.writer)) == 539
    assert len(np.unique(test.writer)) == 297
    assert not set(train.writer) & set(test.writer)
    assert np.sum(train.series == 4) == 29_050
    assert (test.series[:5001] == 4).all()
    assert (test.series[5001:] != 4).all()


def test_folds_are_disjoint_cover_all_and_hold_out_whole_writers_of_each_kind(hands):
    train = hands["train"]
    folds = [writers.held_out(train, 0.2, fold) for fold in range(5)]
    assert (np.sum(folds, axis=0) == 1).all()
    for fold in folds:
        assert not set(train.writer[fold]) & set(train.writer[~fold])
        for kind, count in ((train.series == 4, 250), (train.series != 4, 289)):
            assert abs(len(np.unique(train.writer[fold & kind])) - count / 5) < 1


def test_the_first_fold_is_the_same_for_everybody(hands):
    """Published: whoever reports a figure on writers:0.2:0 means these images."""
    first = np.flatnonzero(writers.held_out(hands["train"], 0.2, 0))
    assert (len(first), list(first[:5])) == FIRST_FOLD


FIRST_FOLD = (12_041, [1, 3, 5, 6, 7])


def test_a_split_by_writer_trains_on_the_others(mnist, hands):
    data = splits.splits("mnist", "idx", "", 28, "writers:0.3333:1", 0)
    held_out = writers.held_out(hands["train"], 0.3333, 1)
    assert np.array_equal(data.validation.labels, mnist.train_labels[held_out])
    assert np.array_equal(data.train.images, mnist.train_images[~held_out])


def test_a_split_at_random_shares_its_writers_and_is_the_same_for_everybody(mnist, hands):
    held_out = splits.held_out(mnist, "", "random:20000")
    first = sorted(range(60_000), key=lambda number: hashlib.sha256(b"%d" % number).hexdigest())[:20_000]
    assert np.array_equal(np.flatnonzero(held_out), sorted(first))
    writers_of = hands["train"].writer
    assert set(writers_of[held_out]) == set(writers_of)  # each of the 539 has digits in it, and in what is left
    assert set(writers_of[~held_out]) == set(writers_of)
    assert not np.any(splits.held_out(mnist, "", "random:500") & ~held_out)


def test_missing_and_damaged_files_are_named_with_their_source(mnist, hands, tmp_path):
    labels = {"train": mnist.train_labels, "test": mnist.test_labels}
    with pytest.raises(BadInput, match=r"qmnist-train-labels-idx2-int, .*found 'no such file', expected .*qmnist"):
        writers.read([tmp_path], labels)
    from bigdeep import data  # noqa: PLC0415

    folder = data.folders("mnist", "")[0]
    for path in folder.glob("qmnist-*"):
        shutil.copy(path, tmp_path / path.name)
    (path,) = tmp_path.glob("qmnist-train*")
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[5000] ^= 1
    path.chmod(0o644)
    path.write_bytes(gzip.compress(bytes(content), 1))
    with pytest.raises(BadInput, match="qmnist-train-labels.*found 'sha256"):
        writers.read([tmp_path], labels)


def test_the_embedded_digits_have_no_known_writers():
    with pytest.raises(BadInput, match="data by writer: found 'mnist-5k'"):
        splits.hands(embedded.digits(), "")
