"""Pretrains a backbone from a script of your own: photos in, `backbone.keras` out.

    python -m examples.pretrain_from_script PHOTOS --epochs 36

PHOTOS is a folder of photos or an `.npz` of uint8 images `(num_photos, height, width,
3)`; in a script, `pipelines.prepare` takes such an array as it is. The same lines train
under `KERAS_BACKEND=tensorflow`, `jax` or `torch`. The `pretrain` command adds a run
folder, checkpoints, a learning rate schedule and pictures.
"""

import argparse

import keras

import pipelines
import ssl_voc


def main(argv=None):
    """Pretrains and saves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos")
    parser.add_argument("--backbone", default="EfficientNetB1")
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=36)
    parser.add_argument("--out", default="backbone.keras")
    options = parser.parse_args(argv)

    # Kept a little larger than the views that are cut out of them.
    resize_size = options.image_size * 7 // 6
    photos = pipelines.prepare(options.photos, resize_size).images
    model = ssl_voc.ContrastiveModel(
        ssl_voc.backbone(options.backbone, image_size=options.image_size),
        ssl_voc.layers.SimCLRAugmenter(options.image_size),
    )
    model.compile(
        optimizer=keras.optimizers.SGD(0.3, momentum=0.9),
        loss=ssl_voc.losses.NTXentLoss(),
        metrics=[ssl_voc.metrics.ContrastiveAccuracy()],
    )
    # Views that can teach nothing end the script now, not after hours.
    ssl_voc.layers.audit_views(model.augmenter, photos[:32])
    model.fit(photos, batch_size=options.batch_size, epochs=options.epochs)
    # Without the layers of ssl_voc, so that the file loads wherever Keras is.
    ssl_voc.models.plain_backbone(model.backbone).save(options.out)


if __name__ == "__main__":
    main()
