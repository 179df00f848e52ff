"""Dark knowledge: what a large net knows beside the labels, taught to a small one. 800-800, 1200-1200, 800-800 again.

Source: Hinton, Vinyals, Dean 2015 (arXiv 1503.02531), section 3: 146 test errors of a plain net of two layers of 800
rectified units, 67 of one of 1200 with dropout, max-norm and jitter of 2 pixels, 74 of the first one taught by it.
Command: python -m bigdeep.main --config=configs/dark_knowledge.py for the plain one,
then …py:teacher, and then …py:distilled, which reads the teacher from runs/dark_knowledge-teacher.
Cost: about one, seventeen and four minutes on two cores that multiply bfloat16. Expected: see the table of nets in
RESULTS.md.

The teacher needs 400 epochs: after 80 it still misreads 0.7 % of its training images. The pupil has four times the
epochs of the plain net, so that what it gains on that one is not the teacher's doing alone.

Different: Adam and a cosine; no dropout of pixels, since a dropped one would be grey here, not background; the student
is taught on jittered images too, where the source's saw the training images alone.
"""

from ml_collections import ConfigDict

VARIANTS = ("plain", "teacher", "distilled")


def get_config(variant: str = "plain") -> ConfigDict:
    smoke, teacher, distilled = variant == "smoke", variant == "teacher", variant == "distilled"
    config = ConfigDict()
    config.seed = 0
    config.epochs = 3 if smoke else 400 if teacher else 160 if distilled else 40
    config.batch_size = 200

    config.data = dict(
        name="mnist", source="embedded" if smoke else "auto", dir="", size=28, validation="train", workers=0
    )
    config.augment = [dict(name="crop", padding=2)] if teacher or distilled else []
    config.strength = ((0.0, 1.0),)
    config.mixup = 0.0
    width = 100 if smoke else 1200 if teacher else 800
    config.model = dict(
        name="mlp",
        widths=(width, width),
        activation="relu",
        init="he_normal",
        norm="none",
        precision="bfloat16" if teacher or distilled else "float32",
        input_dropout_rate=0.0,
        dropout_rate=0.5 if teacher else 0.0,
    )

    config.loss = dict(name="cross_entropy", label_smoothing=0.0)
    if distilled:
        config.loss = dict(name="distillation", workdir="runs/dark_knowledge-teacher", temperature=20.0, hard=0.0)
    config.optimizer = dict(name="adam", b1=0.9, b2=0.99, eps=1e-8)
    config.regularisers = [dict(name="max_norm", limit=4.0)] if teacher else []
    config.schedule = dict(name="cosine", rate=1e-3, end=0.0)

    config.warmup_epochs = 0.5
    config.log_steps = 100
    config.evaluate_epochs = 1 if smoke else 20 if teacher or distilled else 5
    config.checkpoint_seconds = 60.0
    config.fixed_order_shards = 0
    config.model_shards = 1
    config.tensorboard = False  # event files for TensorBoard beside metrics.jsonl; needs the extra "tensorboard"
    config.profile = False  # trace a few steps at the start, and say where their time goes
    return config
