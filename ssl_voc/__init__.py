"""Makes object detectors from few labelled photos, and measures what others add.

The names below are imported when first used, so that `python -m ssl_voc.pretrain
--help` does not wait for Keras.
"""

import importlib

__version__ = "0.1.0"

_ROOM_OF = {
    "Classifier": "ssl_voc.models",
    "ContrastiveModel": "ssl_voc.models",
    "Detector": "ssl_voc.models",
    "Localizer": "ssl_voc.models",
    "backbone": "ssl_voc.models",
    "callbacks": None,
    "grad_cam": "ssl_voc.heat_maps",
    "heat_maps": None,
    "layers": None,
    "load_model": "ssl_voc.models",
    "losses": None,
    "metrics": None,
    "models": None,
    "optimizers": None,
    "serving": None,
    "serving_client": None,
}

__all__ = sorted(_ROOM_OF)


def __getattr__(name):
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'ssl_voc' has no attribute {name!r}")
    room = _ROOM_OF[name]
    if room is None:
        return importlib.import_module(f"ssl_voc.{name}")
    return getattr(importlib.import_module(room), name)


def __dir__():
    return sorted([*globals(), *_ROOM_OF])
