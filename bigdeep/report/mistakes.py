"""What probabilities say of a net: its mistakes, confusions, calibration, and what to refuse. Plain arithmetic."""

from collections.abc import Mapping, Sequence

import numpy as np

BINS = 10
TARGET = 0.1  # percent of errors to be left when unsure images are refused


def mistakes(arrays: Mapping[str, np.ndarray], names: Sequence[str]) -> list[dict]:
    """Of each kept misclassified image: index, label, first and second guess with probabilities, loss, most loss first.

    arrays: predictions.npz.
    """
    scores, labels = arrays["probabilities"].astype(np.float64), arrays["labels"]
    found = []
    for place, index in enumerate(arrays["wrong"].tolist()):
        row, label = scores[index], int(labels[index])
        first, second = (int(c) for c in np.argsort(-row, kind="stable")[:2])
        if first == label:  # equal probabilities after rounding to float16
            first, second = second, first
        found.append(
            {
                "place": place,
                "index": index,
                "label": names[label],
                "first": names[first],
                "second": names[second],
                "p": float(row[first]),
                "q": float(row[second]),
                "second_right": second == label,
                "loss": float(-np.log(max(row[label], 2**-25))),
            }
        )
    return sorted(found, key=lambda each: -each["loss"])


def at_temperature(scores: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(logits / T) of softmax(logits): float64 (N, classes)."""
    logs = np.log(np.maximum(scores.astype(np.float64), 2**-25)) / temperature
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def confusion(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """int (classes, classes): how many images of class i (rows) were taken for class j."""
    classes = scores.shape[1]
    return np.bincount(labels.astype(int) * classes + scores.argmax(axis=1), minlength=classes**2).reshape(
        classes, classes
    )


def calibration(scores: np.ndarray, labels: np.ndarray) -> list[dict]:
    """Per bin of the first guess's probability: its mean, the share that was right, how many; empty bins left out."""
    sure, right = scores.max(axis=1).astype(np.float64), scores.argmax(axis=1) == labels
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return [
        {"probability": float(sure[bins == b].mean()), "right": float(right[bins == b].mean()), "count": int(n)}
        for b in range(BINS)
        if (n := (bins == b).sum())
    ]


def calibration_error(bins: Sequence[Mapping]) -> float:
    """The mean distance between probability and share of right ones, weighted by count. Source: Guo et al. 2017."""
    total = sum(each["count"] for each in bins)
    return sum(each["count"] * abs(each["probability"] - each["right"]) for each in bins) / total


def refusal(scores: np.ndarray, labels: np.ndarray, target: float = TARGET) -> dict:
    """What refusing the least sure images would do.

    curve: [[percent refused, percent of errors among the rest], …]; refused: the smallest percentage that leaves at
    most `target` percent of errors, those below the probability `threshold`.
    """
    sure, wrong = scores.max(axis=1).astype(np.float64), scores.argmax(axis=1) != labels
    order = np.argsort(-sure, kind="stable")
    count = len(labels)
    kept = np.arange(1, count + 1)
    errors = 100 * np.cumsum(wrong[order]) / kept
    good = np.flatnonzero(errors <= target)
    most = int(good[-1]) + 1 if len(good) else 0
    shown = np.unique(np.linspace(max(1, count // 2), count, 101).astype(int)) - 1
    curve = [[100 * (1 - (i + 1) / count), float(errors[i])] for i in shown[::-1]]
    threshold = float(sure[order[most - 1]]) if most else 1.0
    return {"curve": curve, "refused": 100 * (1 - most / count), "threshold": threshold, "target": target}


def by_hand(scores: np.ndarray, arrays: Mapping[str, np.ndarray]) -> dict | None:
    """Errors by series of NIST and by writer, where it is known who wrote the images; None else."""
    if "writer" not in arrays:
        return None
    wrong = scores.argmax(axis=1) != arrays["labels"]
    hands, counts = np.unique(arrays["writer"], return_counts=True)
    errors = np.array([int(wrong[arrays["writer"] == hand].sum()) for hand in hands])
    series = [
        {"name": "students" if s == 4 else "employees", "series": int(s), "errors": int(wrong[own].sum()), "total": n}
        for s in np.unique(arrays["series"])
        if (own := arrays["series"] == s).any() and (n := int(own.sum()))
    ]
    worst = sorted(zip(hands.tolist(), errors.tolist(), counts.tolist(), strict=True), key=lambda h: (-h[1], h[0]))
    return {
        "series": series,
        "writers": len(hands),
        "with_errors": int((errors > 0).sum()),
        "worst": [h for h in worst[:12] if h[1]],
    }
