"""Event files, read back by TensorBoard's own reader."""

import json
import sys

import numpy as np
import pytest

from bigdeep import training


@pytest.mark.slow
def test_rows_weights_and_deformed_images_are_in_the_event_files(smoke, tmp_path):
    pytest.importorskip("tensorboardX")
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    config = smoke("mlp2") | {"tensorboard": True, "epochs": 2}
    training.run(config, str(tmp_path))
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    events = reader.EventAccumulator(str(tmp_path / "tensorboard"), size_guidance={"histograms": 0, "images": 0})
    events.Reload()
    tags = events.Tags()
    losses = events.Scalars("train_loss")
    assert [event.step for event in losses] == [row["step"] for row in rows]
    np.testing.assert_allclose([event.value for event in losses], [row["train_loss"] for row in rows], rtol=1e-6)
    ratios = events.Scalars("dense1/update_ratio")
    expected = [row["layers"]["dense1"]["update_ratio"] for row in rows]
    np.testing.assert_allclose([event.value for event in ratios], expected, rtol=1e-4)
    assert {"dense1/kernel", "dense2/norm/scale", "output/bias"} <= set(tags["histograms"])
    assert events.Images("deformed")[0].width == 9 * 29
    assert events.Images("deformed")[0].height == 10 * 29


def test_without_the_extra_it_is_one_line(smoke, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    monkeypatch.delitem(sys.modules, "bigdeep.run.tensorboard", raising=False)
    with pytest.raises(training.BadInput, match=r"expected pip install 'bigdeep\[tensorboard\]'"):
        training.run(smoke("mlp2") | {"tensorboard": True}, str(tmp_path))
