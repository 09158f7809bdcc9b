"""Small predictions."""

from ssl_voc.predict import PredictConfig, predict


def run(images, out, **changes):
    """Predicts a folder, or a tuple of paths; returns the summary."""
    images = images if isinstance(images, tuple) else (str(images),)
    return predict(PredictConfig(images=images, out=out, **changes))
