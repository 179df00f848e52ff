"""Do deformations learned from pairs of digits by different hands make fewer errors on hands never seen?

Command: the fits first, of the same third of the writers, four minutes each on two cores:
python -m bigdeep.tools.fit_cpab --validation=writers:0.667:0 --output=runs/cpab-neighbours.npz, and
python -m bigdeep.tools.fit_cpab --validation=writers:0.667:0 --other_hands --output=runs/cpab-hands.npz; then
python -m bigdeep.study --study=unseen_hands_flows
Cost: 12 runs of half a minute on two cores. Needs QMNIST's labels beside MNIST.

As unseen_hands: mlp2 for 60 epochs of the images of a third of the writers, judged on those of the other two thirds.
CPAB (augment/cpab.py) takes the place of the elastic distortions, fitted to nearest neighbours in a class, as its
source does, or to any two of a class by different writers; or the latter are added to the elastic ones. Settled before
the runs: what counts as better is tried in 300 epochs; what does not is left.
"""

from bigdeep import configfile


def get_study(smoke: bool) -> dict:
    base = "mlp2:smoke" if smoke else "mlp2"
    affine, elastic, sharpen = configfile.load(base).to_dict()["augment"]

    def learned(file: str) -> dict:
        return dict(name="cpab", path="" if smoke else file, cells=(4, 4), bank=512)

    hands = learned("runs/cpab-hands.npz")
    return dict(
        question="Do deformations learned from pairs of different hands make fewer errors on hands never seen?",
        base=base,
        overrides={} if smoke else {"epochs": 60, "evaluate_epochs": 20, "data.validation": "writers:0.667:0"},
        variations={
            "elastic, mlp2's recipe": {},
            "CPAB of neighbours": {"augment": [affine, learned("runs/cpab-neighbours.npz"), sharpen]},
            "CPAB of different hands": {"augment": [affine, hands, sharpen]},
            "elastic and CPAB of different hands": {"augment": [affine, elastic, hands, sharpen]},
        },
        seeds=2 if smoke else 3,
        measure="validation_errors_final",
        baseline="elastic, mlp2's recipe",
        figure=dict(scale="linear"),
    )
