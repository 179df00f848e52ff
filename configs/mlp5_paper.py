"""The paper's recipe to the letter: 2500-2000-1500-1000-500-10, online, plain SGD, nothing else.

Source: Cireşan, Meier, Gambardella, Schmidhuber 2010 (arXiv 1003.0358), table 1: 0.35 % test error, 114.5 hours
on a GTX 280.
Command: python -m bigdeep.main --config=configs/mlp5_paper.py
Cost: five to twelve days on two cores, 5 to 13 minutes an epoch. Expected: 0.35 %, as in the paper; not run to its
end here.

One image an update, no momentum, no regularisation of any kind; learning rate 1e-3, times a constant after every
epoch, down to 1e-6; weights and biases from U[-0.05, 0.05]; scaled tanh; every image deformed anew in every epoch;
validated on the undeformed training set.

What the paper does not give, and what stands here for it:
- the factor of the decay: 0.995, which reaches 1e-6 in the 1,380 epochs that its count of weight updates implies;
- the loss: softmax cross-entropy; dict(name="squared_error", low=-1.0, high=1.0) is the other candidate;
- sigma and alpha within 5-6 and 36-38, scaling within 15-20 %: 6, 36 and 15 %;
- how often an image is sheared instead of rotated: half the time.
"""

from ml_collections import ConfigDict

VARIANTS = ("full",)


ROTATION = (15.0, 7.5, *(15.0,) * 5, 7.5, 15.0, 15.0)  # degrees, of each class


def get_config(variant: str = "full") -> ConfigDict:
    smoke = variant == "smoke"
    config = ConfigDict()
    config.seed = 0
    config.epochs = 1 if smoke else 1380
    config.batch_size = 1

    config.data = dict(
        name="mnist", source="embedded" if smoke else "auto", dir="", size=29, validation="train", workers=0
    )
    config.augment = [
        dict(name="affine", rotation=ROTATION, shear_share=0.5, scale=0.15, translation=0.0),
        dict(name="elastic", sigma=6.0, alpha=36.0),
    ]
    config.strength = ((0.0, 1.0),)
    config.mixup = 0.0
    widths = (1000, 500) if smoke else (2500, 2000, 1500, 1000, 500)
    config.model = dict(
        name="mlp",
        widths=widths,
        activation="scaled_tanh",
        init="uniform_0.05",
        norm="none",
        precision="float32",
        input_dropout_rate=0.0,
        dropout_rate=0.0,
    )

    config.loss = dict(name="cross_entropy", label_smoothing=0.0)
    config.optimizer = dict(name="sgd")
    config.regularisers = []
    config.schedule = dict(name="geometric", rate=1e-3, end=1e-6, decay=0.995)

    config.warmup_epochs = 0.0
    config.log_steps = 1000
    config.evaluate_epochs = 1
    config.checkpoint_seconds = 120.0
    config.fixed_order_shards = 0
    config.model_shards = 1
    config.tensorboard = False  # event files for TensorBoard beside metrics.jsonl; needs the extra "tensorboard"
    config.profile = False  # trace a few steps at the start, and say where their time goes
    return config
