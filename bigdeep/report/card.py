"""The model card of an exported net, in Markdown."""

import json
from collections.abc import Mapping

from bigdeep import sections

USES = {
    "npz": 'weights = np.load({file})  # "params/LAYER/TENSOR"; "about" is JSON',
    "safetensors": "net = bigdeep.load({file})\nprobabilities = net(images)  # uint8 (N, H, W) or (N, H, W, C)",
    "onnx": 'session = onnxruntime.InferenceSession({file})\n(logits,) = session.run(None, {{"images": images}})',
    "stablehlo": "program = jax.export.deserialize(pathlib.Path({file}).read_bytes())\nlogits = program.call(images)",
}
ROUNDED = """
- Trained with factors of products rounded to bfloat16. This file multiplies in float32, by kernels rounded once: logits
  differ in the third digit, and an image in some thousands may change its label.
"""
LIMITS = """
- Made for images like those it was trained on. It has no answer for others, and gives one all the same.
"""


def of(config: Mapping, dataset: Mapping, result: Mapping, file: str) -> str:
    """The card of a net in a file. result: the run's, {} where it has none."""
    kind = file.rpartition(".")[2]
    parts = [f"# {file}\n\n`{config['name']}`, trained by bigdeep on {dataset['name']}, seed {config['seed']}.\n\n"]
    if result:
        errors, total = result["test_errors_at_best_validation"], result["test_total"]
        parts.append(f"Test error {100 * errors / total:.2f} % ({errors:,} of {total:,}), at best validation.\n\n")
    shape = " x ".join(map(str, dataset["shape"]))
    parts.append(f"- In: uint8 images, {shape}, light on dark where they are digits; scaled within.\n")
    if dataset["shape"][:2] == [29, 29]:
        parts.append("- MNIST's 28 x 28 pixels get a row and a column of zeros behind the last ones.\n")
    parts.append(f"- Out: {dataset['classes']} classes, in the order {', '.join(dataset['names'])}.\n")
    parts.append(f"- Data, sha256: {dataset['sha256']}\n")
    if "state_sha256" in result:
        parts.append(f"- Weights, sha256: {result['state_sha256']} (as trained)\n")
        parts.append(f"- Commit: {result.get('git_commit', 'unknown')}\n")
    if config["model"] != sections.unrounded(config["model"]) and kind in ("onnx", "stablehlo"):
        parts.append(ROUNDED.lstrip())
    use = USES[kind].format(file=json.dumps(file, ensure_ascii=False))
    return "".join([*parts, LIMITS.lstrip(), f"\n```python\n{use}\n```\n"])
