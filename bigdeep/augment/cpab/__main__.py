"""Fits the class-dependent deformations of AlignMNIST on a training set.

  python -m bigdeep.augment.cpab --fit [--data=mnist --pairs=1100 --output=FILE.npz]

Aligns --pairs digits of each class to their nearest neighbours in it, and saves the Gaussians of the deformations. The
test set isn't touched. About 7 minutes on two cores. The section dict(name="cpab", path="FILE.npz") uses the file.
"""

import json
import sys
import time

import numpy as np
from absl import flags

from bigdeep import cli, data, runtime, writer
from bigdeep.augment.cpab import MNIST
from bigdeep.augment.cpab import fit as fitting
from bigdeep.errors import require


def main() -> None:
    """Fits and saves; prints what it did as one JSON line."""
    require(flags.FLAGS.fit, "--fit", "nothing", "--fit: this command does nothing else")
    path, record, pairs = cli.output("output", ".npz"), cli.output("record", ".json"), flags.FLAGS.pairs
    runtime.use_compilation_cache()
    dataset = data.load(flags.FLAGS.data, "auto", "")
    require(dataset.train_images.shape[3] == 1, "--data", dataset.name, "a data set of grey images")
    few = int(np.bincount(dataset.train_labels).min()) // fitting.BATCH * fitting.BATCH
    fits = pairs % fitting.BATCH == 0 and pairs <= few
    require(fits, "--pairs", pairs, f"a multiple of {fitting.BATCH}, at most {few}, as many as the smallest class has")
    start = time.time()

    def report(line: str) -> None:
        print(f"{line}, {time.time() - start:.0f} s", file=sys.stderr, flush=True)

    found, summary = fitting.fit(dataset.train_images, dataset.train_labels, dataset.name, pairs, report)
    np.savez_compressed(path, **found._asdict(), sha256=dataset.sha256)
    summary |= {"dataset": dataset.name, "seconds": round(time.time() - start, 1), "output": path.name}
    print(json.dumps(summary))
    if record:
        writer.write_json(record, summary)


if __name__ == "__main__":
    flags.DEFINE_bool("fit", False, "fit the statistics")
    flags.DEFINE_string("data", "mnist", "the data set whose training images are aligned")
    flags.DEFINE_integer("pairs", 1100, "how many digits of each class are aligned", lower_bound=100)
    flags.DEFINE_string("output", str(MNIST), "the file to write")
    flags.DEFINE_string("record", "", "a file to keep what is printed in, below results/fits/")
    cli.run(main, __doc__)
