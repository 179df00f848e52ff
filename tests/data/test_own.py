"""Images of one's own: folders of pictures, Kaggle's table, sets in MNIST's format."""

import gzip
import json
import struct

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from bigdeep import configfile, data, training
from bigdeep.data import own, pictures
from bigdeep.errors import BadInput
from bigdeep.sections import plain
from conftest import run_bigdeep


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def put(folder, classes, count=12, side=20, colour=False, rng=None):
    """PNG files of noise, `count` a class."""
    rng = rng or np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for i in range(count):
            shape = (side, side, 3) if colour else (side, side)
            Image.fromarray(rng.integers(0, 255, shape, np.uint8)).save(folder / name / f"{i:02}.png")


def pictures_in(folder, size):
    """(images, labels) of the pictures in the folders of a folder."""
    listing = pictures.classes_in(folder)
    labels = np.repeat(np.arange(len(listing)), [len(paths) for paths in listing.values()])
    images, places = pictures.read([path for paths in listing.values() for path in paths], size)
    return images, labels[places]


def idx(path, array):
    """Writes an IDX file of bytes, packed where its name says so."""
    content = struct.pack(f">{1 + array.ndim}i", 0x800 + array.ndim, *array.shape) + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def test_a_folder_with_train_and_test_is_read_as_it_is(tmp_path):
    put(tmp_path / "train", ["ant", "bee", "cat"])
    put(tmp_path / "test", ["ant", "cat"], count=3)
    found = data.load("folder", "auto", str(tmp_path), 20)
    assert found.classes == ("ant", "bee", "cat")
    assert found.train_images.shape == (36, 20, 20, 1)
    assert found.test_labels.tolist() == [0, 0, 0, 2, 2, 2]
    with Image.open(tmp_path / "train" / "bee" / "05.png") as image:
        assert np.array_equal(found.train_images[17, ..., 0], np.asarray(image))
    assert found.train_labels[17] == 1


def test_without_a_test_set_the_same_sixth_of_each_class_is_held_out(tmp_path, capsys):
    put(tmp_path / "a", ["x", "y"], count=30)
    found = own.load(str(tmp_path / "a"), 20)
    assert (len(found.train_labels), len(found.test_labels)) == (50, 10)
    assert np.bincount(found.test_labels).tolist() == [5, 5]
    assert "held out 10 of 60 images" in capsys.readouterr().err
    put(tmp_path / "elsewhere" / "a", ["x", "y"], count=30)
    again = own.load(str(tmp_path / "elsewhere" / "a"), 20)
    assert np.array_equal(again.test_images, found.test_images)


def test_pictures_keep_their_proportions_in_a_square_of_their_edge(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    wide = np.full((10, 40), 200, np.uint8)
    wide[3:7, 10:30] = 20
    Image.fromarray(wide).save(tmp_path / "a" / "wide.png")
    Image.new("LA", (8, 8), (255, 0)).save(tmp_path / "b" / "clear.png")
    images, labels = pictures_in(tmp_path, 20)
    assert labels.tolist() == [0, 1]
    assert images.shape == (2, 20, 20, 1)
    assert (images[0, :7] == 200).all()
    assert (images[0, 13:] == 200).all()
    assert images[0, 9, 10, 0] < 40
    assert not images[1].any()  # nothing but transparency, of white ink: black behind it


def test_one_colour_picture_makes_all_of_them_rgb(tmp_path):
    put(tmp_path, ["grey"])
    put(tmp_path, ["red"], colour=True)
    images, _ = pictures_in(tmp_path, 20)
    assert images.shape == (24, 20, 20, 3)
    assert (images[:12, ..., 0] == images[:12, ..., 2]).all()


def test_broken_files_are_named_and_left_out_and_the_second_start_reads_the_cache(tmp_path, capsys, monkeypatch):
    put(tmp_path, ["x", "y"])
    (tmp_path / "x" / "bad.png").write_bytes(b"no picture")
    first = own.load(str(tmp_path), 20)
    told = capsys.readouterr().err
    assert f"{tmp_path / 'x' / 'bad.png'}: found" in told
    assert "left out" in told
    monkeypatch.setattr(pictures, "picture", lambda *_: pytest.fail("read again"))
    second = own.load(str(tmp_path), 20)
    assert second.sha256 == first.sha256
    assert "bad.png" in capsys.readouterr().err  # said at every start
    monkeypatch.undo()


def test_a_changed_file_and_a_damaged_cache_are_read_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    put(tmp_path / "d", ["x", "y"])
    first = own.load(str(tmp_path / "d"), 20)
    (kept,) = (tmp_path / "cache" / "bigdeep" / "pictures").glob("*.npy")
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 255
    kept.write_bytes(content)
    assert own.load(str(tmp_path / "d"), 20).sha256 == first.sha256
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(tmp_path / "d" / "x" / "00.png")
    assert own.load(str(tmp_path / "d"), 20).sha256 != first.sha256


def test_kaggles_table(tmp_path, digits):
    images, labels = digits.train_images[:60, ..., 0], digits.train_labels[:60]
    header = ",".join(["label", *(f"pixel{i}" for i in range(784))])
    rows = np.concatenate([labels[:, None], images.reshape(60, -1)], axis=1)
    lines = [header, *(",".join(map(str, row)) for row in rows.tolist())]
    (tmp_path / "train.csv").write_text("\n".join(lines) + "\n")
    found = own.load(str(tmp_path), 28)
    both = np.concatenate([found.train_images, found.test_images])
    assert sorted(map(bytes, both)) == sorted(map(bytes, images[..., None]))
    assert len(found.test_labels) > 0
    (tmp_path / "train.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match="expected label,pixel0,pixel1"):
        own.load(str(tmp_path), 28)
    (tmp_path / "train.csv").write_text(header + "\n1,x\n")
    with pytest.raises(BadInput, match="expected whole numbers"):
        own.load(str(tmp_path), 28)


def test_emnist_is_turned_upright_and_its_classes_named(tmp_path, digits, capsys):
    images, labels = digits.train_images[::40, ..., 0], digits.train_labels[::40] + 1
    for split in ("train", "test"):
        idx(tmp_path / f"emnist-letters-{split}-images-idx3-ubyte.gz", images.swapaxes(1, 2))
        idx(tmp_path / f"emnist-letters-{split}-labels-idx1-ubyte.gz", labels)
    mapping = "\n".join(f"{i} {64 + i} {96 + i}" for i in range(1, 27))
    (tmp_path / "emnist-letters-mapping.txt").write_text(mapping)
    found = own.load(str(tmp_path), 28)
    assert np.array_equal(found.train_images[..., 0], images)
    assert found.classes == tuple(f"{chr(65 + i)}{chr(97 + i)}" for i in range(10))
    assert np.array_equal(found.train_labels, labels - 1)
    assert "turned upright" in capsys.readouterr().err


def test_qmnist_with_its_eight_columns(tmp_path, digits):
    images, labels = digits.train_images[:30, ..., 0], digits.train_labels[:30]
    table = np.zeros((30, 8), ">i4")
    table[:, 0] = labels
    for split in ("train", "test"):
        idx(tmp_path / f"qmnist-{split}-images-idx3-ubyte", images)
        content = struct.pack(">3i", 0xC02, 30, 8) + table.tobytes()
        (tmp_path / f"qmnist-{split}-labels-idx2-int").write_bytes(content)
    found = own.load(str(tmp_path), 28)
    assert len(found.classes) == len(np.unique(labels))
    assert np.array_equal(np.array([int(name) for name in found.classes])[found.test_labels], labels)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda d: None, "found '0 folders with pictures', expected one for each class"),
        (lambda d: put(d, ["only"]), "found '1 folders with pictures'"),
        (
            lambda d: (put(d / "train", ["a", "b"]), put(d / "test", ["c"], 1)),
            "found 'the class c', expected those of train/",
        ),
        (
            lambda d: idx(d / "x-train-images-idx3-ubyte", np.zeros((2, 5, 5))),
            "expected a file of its labels beside it",
        ),
    ],
)
def test_folders_that_cannot_be_read_are_one_line(tmp_path, prepare, message):
    prepare(tmp_path)
    with pytest.raises(BadInput) as error:
        own.load(str(tmp_path), 20)
    assert message in str(error.value)


@pytest.mark.slow
def test_a_net_of_ones_own_images_is_trained_and_names_them(tmp_path):
    """scikit-learn's digits as PNG files, called by words."""
    digits = load_digits()
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    for i, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        path = tmp_path / "digits" / names[label]
        path.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.uint8(image * 255 / 16)).save(path / f"{i:04}.png")
    config = plain(configfile.load("mlp2:smoke"))
    config["data"] |= {"name": "folder", "source": "auto", "dir": str(tmp_path / "digits"), "size": 16}
    config["augment"] = [config["augment"][0] | {"rotation": 10.0}]
    config |= {"epochs": 10, "batch_size": 100, "log_steps": 15}
    result = training.run(config, str(tmp_path / "run"))
    assert result["dataset"]["name"] == "folder-digits"
    assert result["test_errors_at_best_validation"] < 0.1 * result["test_total"]
    picture = next((tmp_path / "digits" / "seven").iterdir())
    done = run_bigdeep("bigdeep.predict", f"--workdir={tmp_path / 'run'}", "--json", picture)
    read = json.loads(done.stdout)
    assert read["label"] in names
    assert {read["label"], read["second"]} & {"seven"}
    assert "seven" in (tmp_path / "run" / "report.html").read_text()


def test_transparent_parts_are_paper_and_sixteen_bits_are_scaled(tmp_path):
    """Dark ink on nothing is dark on white, as predict reads it; values beyond 8 bits are never clipped."""
    for name in "ab":
        (tmp_path / name).mkdir()
    ink = np.zeros((20, 20, 2), np.uint8)
    ink[5:15, 9:11, 1] = 255
    Image.fromarray(ink, "LA").save(tmp_path / "a" / "dark.png")
    ramp = np.uint16(np.linspace(0, 65535, 400)).reshape(20, 20)
    Image.fromarray(ramp).save(tmp_path / "b" / "ramp.png")
    Image.fromarray(np.ones((20, 20), np.float32)).save(tmp_path / "b" / "float.tif")
    (tmp_path / "b" / "nowhere.png").symlink_to(tmp_path / "gone.png")
    images, labels = pictures_in(tmp_path, 20)
    assert labels.tolist() == [0, 1]
    assert images[0, 10, 10, 0] == 0
    assert (images[0, :4] == 255).all()
    np.testing.assert_array_equal(images[1, ..., 0], ramp // 257)


def test_pictures_beside_train_and_test_folders_are_no_classes(tmp_path):
    put(tmp_path, ["train", "test"])
    with pytest.raises(BadInput, match="found '0 folders with pictures'"):
        own.load(str(tmp_path), 20)
