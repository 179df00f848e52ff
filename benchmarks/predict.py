"""Files a second that bigdeep.predict reads: MNIST as PNG files, decoding included, beside decoding alone.

python benchmarks/predict.py --output=runs/predict.json
"""

import pathlib
import statistics
import tempfile
import time

from absl import flags
from PIL import Image

import record
from bigdeep import cli, data, predict
from bigdeep.run import machine


def seconds(function, *arguments) -> float:
    """How long a call takes."""
    began = time.monotonic()
    function(*arguments)
    return time.monotonic() - began


def main() -> None:
    """Prints, and keeps, the medians of five runs."""
    machine.prepare()
    images = data.load("mnist", "auto", "").test_images[: flags.FLAGS.files, ..., 0]
    reader = predict.Reader(flags.FLAGS.workdir)
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder, f"{i:05}.png") for i in range(len(images))]
        for path, image in zip(paths, images, strict=True):
            Image.fromarray(image).save(path)
        whole = lambda: list(predict.readings(reader, paths))  # noqa: E731
        decoding = lambda: [Image.open(path).load() for path in paths]  # noqa: E731
        whole()
        rates = {}
        for name, function in {"predict": whole, "decoding alone, by Pillow": decoding}.items():
            rates[name] = round(len(paths) / statistics.median(seconds(function) for _ in range(5)), 1)
    record.keep({"benchmark": "predict", "files": len(paths), "dataset": "mnist", "files_per_second": rates})


if __name__ == "__main__":
    flags.DEFINE_string("workdir", "pretrained:mlp2", "a run's folder, or pretrained:NAME")
    flags.DEFINE_integer("files", 5000, "how many", lower_bound=1)
    record.define_output()
    cli.run(main, __doc__)
