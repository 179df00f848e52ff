"""Sections as constructor calls, and what is said when they do not fit."""

import pytest
from ml_collections import ConfigDict

from bigdeep import experiment, sections
from bigdeep.errors import BadInput
from bigdeep.sections import BadValue


def affine(scale: float, shear: float = 0.0, *, shape: tuple = ()) -> tuple:
    sections.number("scale", scale, "[0, 1]")
    return scale, shear, shape


CHOICES = {"affine": affine}


def build(**section):
    return sections.construct("augment", CHOICES, section, shape=(28, 28), unused=1)


def test_a_section_is_a_call_with_the_context_it_asks_for():
    assert build(name="affine", scale=0.5) == (0.5, 0.0, (28, 28))


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            {"name": "afine", "scale": 0.5},
            r"augment.name: found 'afine', expected one of affine \(did you mean 'affine'\?\)",
        ),
        ({"scale": 0.5}, "augment: found {'scale': 0.5}, expected a section with a name"),
        ({"name": "affine"}, "augment.scale: found 'no value', expected one in the config file"),
        ({"name": "affine", "scale": 0.5, "shaer": 1}, "augment.shaer: found 'an unknown key', .*did you mean 'shear'"),
        ({"name": "affine", "scale": 0.5, "shape": 1}, "augment.shape: found 'an unknown key'"),
        ({"name": "affine", "scale": 2.0}, "augment.scale: found 2.0, expected a number in \\[0, 1\\]"),
        ({"name": "affine", "scale": True}, "augment.scale: found True"),
        ({"name": "affine", "scale": float("nan")}, "augment.scale: found nan"),
    ],
)
def test_misfits_are_told_in_one_line(section, message):
    with pytest.raises(BadValue, match=message) as caught:
        build(**section)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("interval", "inside", "outside"),
    [("[0, 1)", (0, 0.999999), (-1e-9, 1)), ("(0, 1]", (1e-9, 1), (0, 1.1)), ("(0, inf)", (1e300,), (0, float("inf")))],
)
def test_intervals_are_read_as_they_are_written(interval, inside, outside):
    for value in inside:
        sections.number("x", value, interval)
    for value in outside:
        with pytest.raises(BadValue, match=r"x: found .*, expected a number in "):
            sections.number("x", value, interval)


def test_differences_name_every_changed_key():
    old = {"a": 1, "b": {"c": 2, "d": [1, {"e": 3}]}, "gone": 0}
    new = {"a": 1, "b": {"c": 5, "d": [1, {"e": 4}]}, "new": 7}
    lines = ["config.b.c: 2 -> 5", "config.b.d[1].e: 3 -> 4", "config.gone: 0 -> None", "config.new: None -> 7"]
    assert sections.differences(old, new) == lines
    assert sections.differences(new, new) == []
    assert sections.differences([1], [1, 2]) == ["config: [1] -> [1, 2]"]


def test_plain_is_what_json_would_give():
    value = ConfigDict({"b": (1, 2.5), "a": {"z": [ConfigDict({"x": None})]}})
    assert sections.plain(value) == {"a": {"z": [{"x": None}]}, "b": [1, 2.5]}


def paths(node: object, path: tuple = ()) -> list[tuple]:
    """The paths of all sections of a plain config, the whole one included."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    below = [p for key, value in items for p in paths(value, (*path, key))]
    return [path, *below] if isinstance(node, dict) else below


def at(node: object, path: tuple) -> object:
    for key in path:
        node = node[key]
    return node


@pytest.mark.slow
def test_every_key_is_read(smoke):
    """In no section, nor beside them, can a key stand that nothing reads, and none be left out."""
    found = paths(smoke("mlp2"))
    assert len(found) == 9
    for path in found:
        unread = smoke("mlp2")
        at(unread, path)["nobody_reads_this"] = 1
        with pytest.raises(BadValue, match=r"nobody_reads_this: found 'an unknown key'"):
            experiment.build(unread)
        for key in at(smoke("mlp2"), path):
            missing = smoke("mlp2")
            del at(missing, path)[key]
            with pytest.raises(BadValue, match=r"found 'no value'|a section with a name"):
                experiment.build(missing)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("batch_size", 4001, r"config.batch_size: found 4001, expected an integer in \[1, 4000\]"),
        ("batch_size", 0, "config.batch_size: found 0"),
        ("epochs", 0, "config.epochs: found 0"),
        ("seed", -1, "config.seed: found -1"),
        ("log_steps", 0, "config.log_steps: found 0"),
        ("checkpoint_seconds", -1.0, "config.checkpoint_seconds: found -1.0"),
    ],
)
def test_impossible_values_are_refused(smoke, key, value, message):
    with pytest.raises(BadValue, match=message):
        experiment.build({**smoke("mlp2"), key: value})


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("size", 27, r"config.data.size: found 27, expected an integer in \[28, inf\)"),
        ("validation", "last:4000", r"config.data.validation, last: found 4000, expected an integer in \[1, 3999\]"),
        ("validation", "random:0", r"config.data.validation, random: found 0, expected an integer in \[1, 3999\]"),
        ("validation", "writers:0.2:5", r"config.data.validation, fold: found 5, expected an integer in \[0, 4\]"),
        ("validation", "writers:0.2:0", "data by writer: found 'mnist-5k', expected mnist, whose writers are known"),
        ("validation", 10000, 'config.data.validation: found 10000, expected "train", "last:N", "random:N" or'),
        ("validation", "first:7", "config.data.validation: found 'first:7', expected"),
    ],
)
def test_impossible_data_sections_are_refused(smoke, key, value, message):
    plain = smoke("mlp2")
    plain["data"][key] = value
    with pytest.raises(BadInput, match=message):
        experiment.build(plain)
