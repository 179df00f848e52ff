"""x"""

from ml_collections import ConfigDict


def get_config(variant: str = "full") -> ConfigDict:
    smoke = {"full": False, "smoke": True}[variant]
    config = ConfigDict()
    config.seed = 0
    config.epochs = 2 if smoke else 20
    config.batch_size = 240
    config.data = dict(name="mnist", source="auto", dir="", size=29, validation=0)
    config.augment = [
        dict(name="affine", rotation=(15.0, 7.5, 15.0, 15.0, 15.0, 15.0, 15.0, 7.5, 15.0, 15.0), shear_share=0.5, scale=0.15),
        dict(name="elastic", sigma=6.0, alpha=36.0),
    ]
    config.model = dict(name="mlp", widths=(1000, 500), activation="scaled_tanh", init="lecun_normal")
    config.loss = dict(name="cross_entropy", label_smoothing=0.1)
    config.optimizer = dict(name="adamw", b1=0.9, b2=0.99, eps=1e-8, weight_decay=0.01)
    config.schedule = dict(name="cosine", rate=1e-3, warmup=0.5, end=0.0)
    config.log_every = 125
    config.evaluate_every = 1
    config.checkpoint_seconds = 60.0
    return config
