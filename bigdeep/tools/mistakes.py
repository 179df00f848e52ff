r"""What a net gets wrong: a sheet of its errors, each with its label and its two best guesses.

  python -m bigdeep.tools.mistakes --workdir=runs/mlp5 --output=mistakes.png      or several folders, a committee

Under each misclassified image of the test set: its label, its number, and the first and second guess with
their probabilities in percent. Prints, and keeps beside the sheet as mistakes.json: test_errors, test_total,
second_right (how often the second guess is the label) and the mistakes.
"""

import json
from collections.abc import Sequence

import numpy as np
from absl import flags
from PIL import Image, ImageDraw, ImageFont

from bigdeep import cli, evaluate
from bigdeep.run import files, machine

ZOOM, CAPTION, MARGIN, COLUMNS = 3, 30, 4, 10


def mistakes(scores: np.ndarray, labels: np.ndarray) -> list[dict]:
    """The misclassified images, largest loss first: index, label, guesses [[class, probability], …], the two largest.

    scores: probabilities (N, classes), of which equal ones go to the lower class; labels (N,).
    """
    order = np.argsort(-scores, axis=1, kind="stable")[:, :2]
    wrong = np.flatnonzero(order[:, 0] != labels)
    wrong = wrong[np.argsort(scores[wrong, labels[wrong]], kind="stable")]
    return [
        {
            "index": int(i),
            "label": int(labels[i]),
            "guesses": [[int(c), round(float(scores[i, c]), 4)] for c in order[i]],
        }
        for i in wrong
    ]


def second_right(wrong: Sequence[dict]) -> int:
    """How many of the mistakes have their label as the second guess."""
    return sum(each["guesses"][1][0] == each["label"] for each in wrong)


def sheet(images: np.ndarray, wrong: Sequence[dict]) -> Image.Image:
    """The mistakes among images uint8 (N, H, W, 1 or 3), ten a row, magnified, with their captions."""
    height, width = (ZOOM * side for side in images.shape[1:3])
    cell = (width + MARGIN, height + CAPTION + MARGIN)
    rows = -(-len(wrong) // COLUMNS)
    picture = Image.new("RGB", (COLUMNS * cell[0], max(1, rows) * cell[1]), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(11)
    for place, each in enumerate(wrong):
        x, y = place % COLUMNS * cell[0], place // COLUMNS * cell[1]
        pixels = Image.fromarray(np.broadcast_to(images[each["index"]], (*images.shape[1:3], 3)).copy())
        picture.paste(pixels.resize((width, height), Image.Resampling.NEAREST), (x, y))
        (first, p), (second, q) = each["guesses"]
        label = f"{each['label']}"
        draw.text((x, y + height), label, "black", font)
        draw.text((x + draw.textlength(label + "  ", font), y + height), f"#{each['index']}", "#777", font)
        right = second == each["label"]
        draw.text((x, y + height + 13), f"{first}: {100 * p:.0f}  {second}: {100 * q:.0f}", "#777", font)
        if right:
            at = draw.textlength(f"{first}: {100 * p:.0f}  ", font)
            draw.text((x + at, y + height + 13), f"{second}: {100 * q:.0f}", "black", font)
    return picture


def main() -> None:
    """Writes the sheet and the record beside it."""
    output = cli.output("output", ".png")
    machine.prepare()
    folders = cli.folders(flags.FLAGS.workdir)
    members = [evaluate.member(folder) for folder in folders]
    whole = evaluate.committee(members, folders)
    wrong = mistakes(whole.scores, whole.split.labels)
    counts = {"test_errors": len(wrong), "test_total": len(whole.split.labels), "second_right": second_right(wrong)}
    sheet(whole.split.images, wrong).save(output, optimize=True)
    runs = [each.run for each in members]
    record = {"kind": "mistakes", "dataset": whole.dataset["name"], "members": runs, **counts, "mistakes": wrong}
    files.write_json(output.with_suffix(".json"), record | machine.origin())
    print(json.dumps(counts))


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "one run folder, or several with commas between them", required=True)
    flags.DEFINE_string("output", None, "the picture to write, a .png file", required=True)
    cli.run(main, __doc__)
