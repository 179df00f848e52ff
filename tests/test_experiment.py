"""From a config to data and splits."""

import numpy as np
import pytest

from bigdeep import experiment
from bigdeep.errors import BadInput
from bigdeep.run import machine


def build(smoke, **data):
    plain = smoke("mlp2")
    plain["data"].update(data)
    return experiment.build(plain)


def test_images_are_padded_with_background_to_the_size(smoke, digits):
    built = build(smoke, size=29)
    assert built.data.train.images.shape == (4000, 29, 29, 1)
    assert np.array_equal(built.data.train.images[:, :28, :28], digits.train_images)
    assert not built.data.train.images[:, 28].any()
    assert not built.data.test.images[:, :, 28].any()
    assert np.array_equal(build(smoke, size=32).data.test.images[:, 2:30, 2:30], digits.test_images)


def test_validation_is_the_training_set_or_its_last_images(smoke, digits):
    whole = build(smoke, validation="train")
    assert whole.data.validation is whole.data.train
    assert whole.plan.epoch_steps == 4000 // whole.config["batch_size"]
    held_out = build(smoke, validation="last:500", size=28)
    assert np.array_equal(held_out.data.train.images, digits.train_images[:3500])
    assert np.array_equal(held_out.data.validation.images, digits.train_images[3500:])
    assert np.array_equal(held_out.data.validation.labels, digits.train_labels[3500:])
    assert held_out.plan.epoch_steps == 3500 // held_out.config["batch_size"]


def test_batch_norm_needs_a_batch(smoke):
    config = smoke("mlp2")
    config["model"]["norm"] = "batch"
    experiment.build(config)
    with pytest.raises(BadInput, match="config.batch_size: found 1, expected at least 2 for batch norm"):
        experiment.build({**config, "batch_size": 1})


def test_a_section_of_another_type_is_told_in_one_line(smoke):
    for key in ("data", "model", "loss", "optimizer", "schedule"):
        with pytest.raises(BadInput, match=f"config.{key}: found 5, expected a section"):
            experiment.build({**smoke("mlp2"), key: 5})


def test_a_batch_that_the_devices_do_not_divide_is_told_the_nearest_that_they_do(smoke, monkeypatch):
    monkeypatch.setattr(machine, "device_count", lambda: 7)
    with pytest.raises(
        BadInput, match="config.batch_size: found 120, expected a multiple of the 7 devices, as 119 or 126"
    ):
        experiment.build(smoke("mlp2"))
