"""The question of depth.py, for images: do deep convolutional nets work, and what makes them?

Source: He et al. 2015 (arXiv 1512.03385), section 4.2: plain nets get worse with depth, residual ones better.
Command: python -m bigdeep.study --study=depth_convolution
Cost: 27 runs of a quarter of a minute to a minute on two cores; of one to eight minutes on one without AVX-512.

Plain, highway, residual and fractal nets of 3x3 kernels, narrow (4, 8 and 16 maps), one epoch of 40,000 images of
CIFAR-10, shifted and mirrored: what can be seen is how fast they begin to learn.
"""


def get_study(smoke: bool) -> dict:
    widths, depths = ((4, 8), (7,)) if smoke else ((4, 8, 16), (10, 22))
    kinds = ("plain", "residual") if smoke else ("plain", "highway", "residual")
    variations = {
        f"{kind}, {depth} layers": {"model.kind": kind, "model.depth": depth} for kind in kinds for depth in depths
    }
    for kind in () if smoke else ("plain", "residual"):
        deepest = variations[f"{kind}, {depths[-1]} layers"]
        variations[f"{kind}, {depths[-1]} layers, no norm"] = deepest | {"model.norm": "none"}
    fractal = (
        {"base": "fractalnet:smoke", "model.dropout_rates": (0.0, 0.1)} if smoke else {"base": "fractalnet:cifar10"}
    )
    fractal["model.widths"] = widths if smoke else (*widths, widths[-1], widths[-1])
    variations["fractal, 20 layers"] = fractal
    net = {"model.widths": widths, "model.unit": "convolution", "model.norm": "batch"}
    short = {"epochs": 1, "evaluate_epochs": 1, "warmup_epochs": 0.2}
    return dict(
        question="Why do very deep nets work on images, or not?",
        base="deep:smoke" if smoke else "deep:plain_cifar10",
        overrides=net | short if smoke else net | short | {"data.validation": "last:10000"},
        variations=variations,
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline=f"plain, {depths[0]} layers",
        figure=dict(scale="log", signal=[name for name in variations if "fractal" not in name]),
    )
