"""Settings of small fine-tunings, as a config and as flags."""

from ssl_voc.finetune import FinetuneConfig
from tests import tiny

NUM_TRAIN, NUM_VAL = 60, 12


def prepare_place(folder):
    """Writes a VOC tree and a tiny backbone into a folder."""
    tiny.save_backbone(folder / "tiny.keras")
    tiny.write_voc(folder / "voc", NUM_TRAIN, NUM_VAL)
    return folder


def settings(place, out, **changes):
    return {
        "data": (str(place / "voc"),),
        "backbone": str(place / "tiny.keras"),
        "out": out,
        "image_size": 32,
        "batch_size": 16,
        "epochs": 2,
        "learning_rate": 0.05,
        **changes,
    }


def config(place, out, **changes):
    return FinetuneConfig(**settings(place, out, **changes))


def flags(place, out, **changes):
    arguments = []
    for name, value in settings(place, out, **changes).items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            arguments += [flag] if value else []
        else:
            repeated = name in ("data", "class_names")
            values = value if isinstance(value, tuple) else (value,)
            for part in [[item] for item in values] if repeated else [values]:
                arguments += [flag, *map(str, part)]
    return arguments
