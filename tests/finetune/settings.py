"""Settings of small fine-tunings, as a config and as flags."""

from ssl_voc.finetune import FinetuneConfig


def settings(place, out, **changes):
    return {
        "data": (str(place / "voc"),),
        "backbone": str(place / "tiny.keras"),
        "out": out,
        "image_size": 32,
        "batch_size": 16,
        "epochs": 2,
        "learning_rate": 0.05,
        "val_share": 0.15,
        **changes,
    }


def config(place, out, **changes):
    return FinetuneConfig(**settings(place, out, **changes))


def flags(place, out, **changes):
    arguments = []
    for name, value in settings(place, out, **changes).items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            arguments.append(flag)
        else:
            for item in value if isinstance(value, tuple) else (value,):
                arguments += [flag, str(item)]
    return arguments
