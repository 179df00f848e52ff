"""Reading digits from files, by a net that was trained on a few."""

import gzip
import json
import struct

import numpy as np
import pytest
from pictures import bad_files, page
from PIL import Image

from bigdeep import configfile, predict, training
from bigdeep.data import photo
from bigdeep.sections import plain
from conftest import run_bigdeep


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    """The folder of a net that was trained for seconds."""
    folder = tmp_path_factory.mktemp("net")
    config = plain(configfile.load("mlp2:smoke")) | {"epochs": 3}
    training.run(config, str(folder))
    return folder


@pytest.fixture
def files(digits, tmp_path):
    """Twelve test digits, on pages, as PNG files; their labels."""
    for i, digit in enumerate(digits.test_images[:12, ..., 0]):
        page(digit).save(tmp_path / f"{i:02}.png")
    return tmp_path, digits.test_labels[:12]


def lines(*arguments: object) -> list[dict]:
    done = run_bigdeep("bigdeep.predict", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_pages_are_read_as_the_images_they_were_made_of(net, files, digits, tmp_path):
    """And a folder as its files, and files of many images as each of them alone."""
    folder, labels = files
    records = lines(f"--workdir={net}", folder)
    assert [r["file"] for r in records] == [str(folder / f"{i:02}.png") for i in range(12)]
    assert np.mean([r["label"] == label for r, label in zip(records, labels, strict=True)]) > 0.7
    assert all(set(r) == {"file", "label", "probability", "second", "second_probability", "doubt"} for r in records)
    images = digits.test_images[:600, ..., 0]
    idx = tmp_path / "some-idx3-ubyte.gz"
    idx.write_bytes(gzip.compress(struct.pack(">4i", 0x803, 600, 28, 28) + images.tobytes()))
    Image.fromarray(images[599]).save(tmp_path / "last.png")
    many = lines(f"--workdir={net}", idx, tmp_path / "last.png")
    assert len(many) == 601
    assert many[599]["file"] == f"{idx}[599]"
    assert many[600] | {"file": ""} == many[599] | {"file": ""}
    right = np.mean([r["label"] == label for r, label in zip(many, digits.test_labels[:600], strict=False)])
    assert right > 0.85


def test_bad_files_get_a_line_each_and_stop_no_others(net, files, tmp_path):
    folder, _ = files
    bad = tmp_path / "bad"
    bad.mkdir()
    said = bad_files(bad)
    names = [str(bad / name) for name in said]
    shown = tmp_path / "seen.png"
    arguments = [
        f"--workdir={net}",
        f"--show={shown}",
        names[0],
        str(folder / "00.png"),
        *names[1:],
        str(folder / "01.png"),
    ]
    done = run_bigdeep("bigdeep.predict", *arguments)
    assert done.returncode == 2
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == arguments[3:4] + arguments[-1:]
    told = done.stderr.splitlines()
    assert len(told) == len(said) + 1
    for line, (name, reason) in zip(told, said.items(), strict=False):
        assert line.startswith(f"bigdeep: {bad / name}: found ")
        assert reason in line
    assert told[-1] == f"bigdeep: images: found {len(said)} that cannot be read, expected digits in all of them"
    with Image.open(shown) as picture:
        assert picture.size == (2 * 88, 88)


def test_a_reading_says_when_the_net_is_unsure():
    digit = photo.Digit(np.zeros((28, 28), np.uint8), "")
    sure, unsure = (np.full(10, (1 - p) / 9, np.float32) for p in (0.95, 0.6))
    sure[3], unsure[3] = 0.95, 0.6
    assert predict.Reading("a.png", digit, sure).line() == "a.png: 3 (95.0 %), else 0 (0.6 %)"
    assert predict.Reading("a.png", digit, unsure).line().endswith("; the net is unsure")
    doubted = predict.Reading("a.png", digit._replace(doubt="cut off"), sure)
    assert doubted.record()["doubt"] == "cut off"


def test_bad_commands_are_one_line(net, tmp_path):
    for arguments, message in (
        ([f"--workdir={net}"], "bigdeep: command line: found 'no image'"),
        ([f"--workdir={net}", tmp_path], "no image in it"),
        ([f"--workdir={tmp_path}", tmp_path / "a.png"], "no config.json"),
    ):
        done = run_bigdeep("bigdeep.predict", *arguments)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr
