"""Small models and photos that many tests share."""

import numpy as np
from PIL import Image


def build_backbone(image_size=32, channels=16):
    """A backbone of four layers from images in `[0, 255]` to feature maps."""
    import keras
    from keras import layers

    inputs = keras.Input((image_size, image_size, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for stage, width in enumerate((channels // 2, channels)):
        x = layers.Conv2D(width, 3, 2, use_bias=False, name=f"conv_{stage}")(x)
        x = layers.BatchNormalization(name=f"norm_{stage}")(x)
        x = layers.ReLU(name=f"relu_{stage}")(x)
    return keras.Model(inputs, x, name="tiny")


def save_backbone(path, image_size=32, seed=0):
    """Writes a tiny backbone, to be named as `--backbone PATH`."""
    import keras

    keras.utils.set_random_seed(seed)
    build_backbone(image_size).save(path)
    return path


def save_teacher(path):
    """Writes a backbone of 24 px that ends in a 5 x 5 map of 12 channels."""
    import keras

    keras.utils.set_random_seed(1)
    model = build_backbone(24, channels=12)
    randomize(model)
    settle_statistics(model)
    model.save(path)
    return path


def randomize(model, seed=0):
    """Gives kernels, scales, offsets and statistics values that no initializer would.

    Statistics of pixels, three numbers or one, stay as they are.
    """
    random = np.random.default_rng(seed)
    values = []
    for weight in model.get_weights():
        if weight.size > 3:
            change = random.uniform(0.9, 1.1, weight.shape)
            shift = random.uniform(0, 0.05, weight.shape) if weight.ndim == 1 else 0.0
            weight = (weight * change + shift).astype(weight.dtype)
        values.append(weight)
    model.set_weights(values)


def settle_statistics(model):
    """Gives batch norms the statistics of photos, as training does.

    With those of the initializers the features of a deep network are all but
    constant: whatever the pixels, they agree.
    """
    import keras

    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    size = model.input_shape[1] or 64
    model(draw_photos(8, size=size, seed=5).astype("float32"), training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum


def features_of(model, size=64):
    """Feature maps of two photos, as NumPy array."""
    import keras

    photos = draw_photos(2, size=size).astype("float32")
    return keras.ops.convert_to_numpy(model(photos))


def draw_photos(num_photos, size=40, seed=0):
    """Smooth uint8 photos `(num_photos, size, size, 3)`, no two alike."""
    random = np.random.default_rng(seed)
    photos = []
    for _ in range(num_photos):
        coarse = random.integers(0, 256, (6, 6, 3), "uint8")
        image = Image.fromarray(coarse).resize((size, size), Image.BICUBIC)
        photos.append(np.asarray(image))
    return np.stack(photos)


COLORS = {"blue": (40, 60, 220), "green": (40, 200, 60), "red": (220, 40, 40)}


def draw_objects(num_photos, size=40, seed=0, height=None):
    """Photos that show one rectangle each, of a color that is its class.

    Returns:
        uint8 photos `(num_photos, height or size, size, 3)`, gray and uneven but for
        the rectangle; float32 boxes `(num_photos, 4)`, xyxy; and integer classes, which
        take turns, indices into `COLORS`.
    """
    random = np.random.default_rng(seed)
    height = height or size
    coarse = random.integers(90, 150, (num_photos, 6, 6), "uint8")
    photos, boxes = [], []
    classes = np.arange(num_photos) % len(COLORS)
    for index, color in enumerate(classes):
        gray = Image.fromarray(coarse[index]).resize((size, height), Image.BICUBIC)
        photo = np.asarray(gray.convert("RGB")).copy()
        sides = random.integers([size // 4, height // 4], [size // 2, height // 2])
        start = random.integers([0, 0], [size, height] - sides)
        (left, top), (right, bottom) = start, start + sides
        photo[top:bottom, left:right] = [*COLORS.values()][color]
        photos.append(photo)
        boxes.append((left, top, right, bottom))
    return np.stack(photos), np.array(boxes, "float32"), classes


def annotation(*objects, width=0, height=0):
    """VOC's XML of objects (class, box, difficult), with the photo's size if known."""
    text = (
        f"<size><width>{width}</width><height>{height}</height></size>" if width else ""
    )
    for name, box, difficult in objects:
        left, top, right, bottom = map(int, box)
        # VOC counts pixels from 1 and includes the last one.
        text += (
            f"<object><name>{name}</name><difficult>{int(difficult)}</difficult>"
            f"<bndbox><xmin>{left + 1}</xmin><ymin>{top + 1}</ymin>"
            f"<xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
        )
    return f"<annotation>{text}</annotation>"


def write_voc_tree(tree, photos, num_train=None, stem="{:03d}"):
    """Writes photos (pixels, objects), see `annotation`, as a VOC tree.

    With `num_train` there is a list `train` of the first ones, and `val` of the rest.
    """
    for folder in ("JPEGImages", "Annotations"):
        (tree / folder).mkdir(parents=True)
    names = [stem.format(number) for number in range(len(photos))]
    for name, (pixels, objects) in zip(names, photos, strict=True):
        Image.fromarray(pixels).save(tree / "JPEGImages" / f"{name}.png")
        text = annotation(*objects, width=pixels.shape[1], height=pixels.shape[0])
        (tree / "Annotations" / f"{name}.xml").write_text(text)
    if num_train is not None:
        lists = tree / "ImageSets" / "Main"
        lists.mkdir(parents=True)
        for name, part in ("train", names[:num_train]), ("val", names[num_train:]):
            if part:
                (lists / f"{name}.txt").write_text("\n".join(part) + "\n")
    return tree


def write_voc(tree, num_train, num_val=0, seed=0, size=40):
    """Writes `draw_objects` as a VOC tree with the lists train and val.

    Photos are named 000, 001 and so on, those of train first; without photos for val
    there are no lists.
    """
    pixels, boxes, classes = draw_objects(num_train + num_val, size, seed)
    names = [*COLORS]
    photos = [
        (photo, [(names[label], box, False)])
        for photo, box, label in zip(pixels, boxes, classes, strict=True)
    ]
    return write_voc_tree(tree, photos, num_train if num_val else None)


def labeled_batch(num_photos=8, image_size=32, seed=0):
    """`draw_objects` as the dictionary that a `Localizer` takes, boxes in xyxy."""
    photos, boxes, classes = draw_objects(num_photos, image_size, seed)
    classes = classes[:, None].astype("float32")
    return {
        "images": photos,
        "bounding_boxes": {"boxes": boxes[:, None], "classes": classes},
    }


def build_plain_backbone(image_size=32, channels=8):
    """A backbone without batch norm: an image's features are its own affair."""
    import keras
    from keras import layers

    inputs = keras.Input((image_size, image_size, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for _ in range(2):
        x = layers.Conv2D(channels, 3, 2, padding="same", activation="relu")(x)
    return keras.Model(inputs, x, name="plain")


def build_localizer(build=build_plain_backbone, seed=0, dropout=0.0, **arguments):
    """A small `Localizer` of three classes, all of it drawn from a seed."""
    import keras

    import ssl_voc

    keras.utils.set_random_seed(seed)
    arguments.setdefault("num_classes", len(COLORS))
    head = ssl_voc.layers.LocalizationHead(
        arguments["num_classes"], channels=16, num_layers=1, dropout=dropout
    )
    model = ssl_voc.Localizer(build(), head=head, **arguments)
    model.build()
    model.run_eagerly = True  # quick for a single prediction
    return model


def compile_localizer(model, metrics=None, optimizer=None, **arguments):
    """Compiles a localizer to run eagerly, which is quick for a few steps."""
    import keras

    import ssl_voc

    if metrics is None:
        metrics = {
            "boxes": [ssl_voc.metrics.MeanBoxIoU(model.bounding_box_format)],
            "classes": [keras.metrics.SparseCategoricalAccuracy(name="top1")],
        }
    arguments.setdefault("run_eagerly", True)
    model.compile(optimizer or keras.optimizers.SGD(1.0), metrics=metrics, **arguments)
    return model


def build_deep_backbone(image_size=64, channels=16):
    """A backbone down to stride 32, as detectors want it."""
    import keras
    from keras import layers

    inputs = keras.Input((image_size, image_size, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for stage in range(5):
        x = layers.Conv2D(
            channels, 3, 2, padding="same", use_bias=False, name=f"conv_{stage}"
        )(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"norm_{stage}")(x)
        x = layers.ReLU(name=f"relu_{stage}")(x)
    return keras.Model(inputs, x, name="deep")


def build_detector(image_size=64, seed=0, **arguments):
    """A small `Detector` of three classes, all of it drawn from a seed."""
    import keras

    import ssl_voc

    keras.utils.set_random_seed(seed)
    arguments.setdefault("num_classes", len(COLORS))
    arguments.setdefault("channels", 16)
    arguments.setdefault("num_layers", 1)
    model = ssl_voc.Detector(build_deep_backbone(image_size), **arguments)
    model.build()
    model.run_eagerly = True  # quick for a single prediction
    return model


def detection_batch(num_photos=8, image_size=64, seed=0):
    """Photos of one to three rectangles, their color the class; the last is empty.

    A dictionary as a `Detector` takes it, boxes in xyxy, padded to four.
    """
    random = np.random.default_rng(seed)
    images = np.full((num_photos, image_size, image_size, 3), 120, "uint8")
    boxes = np.full((num_photos, 4, 4), -1.0, "float32")
    classes = np.full((num_photos, 4), -1.0, "float32")
    colors = [*COLORS.values()]
    half = image_size // 2
    for index in range(num_photos - 1):
        corners = random.permutation(4)[: 1 + index % 3]
        for slot, corner in enumerate(corners):  # one to a quarter: none hides another
            sides = random.integers(half // 2, half - 4, 2)
            start = random.integers(0, half - sides) + half * np.array(
                divmod(int(corner), 2)
            )
            (left, top), (right, bottom) = start, start + sides
            kind = int(random.integers(len(colors)))
            images[index, top:bottom, left:right] = colors[kind]
            boxes[index, slot] = left, top, right, bottom
            classes[index, slot] = kind
    return {
        "images": images,
        "bounding_boxes": {"boxes": boxes, "classes": classes},
        "difficult": np.zeros(classes.shape, "bool"),
    }


def compile_detector(model, optimizer=None, **arguments):
    """Compiles a detector to run eagerly, which is quick for a few steps."""
    import keras

    arguments.setdefault("run_eagerly", True)
    model.compile(optimizer or keras.optimizers.SGD(0.01), **arguments)
    return model


def with_usual_weights(model):
    """Gives a detector's last layers weights of a usual size: predictions differ."""
    random = np.random.default_rng(0)
    for towers in model.head.towers:
        for (*_, layer), deviation in zip(towers, (1.0, 1.0), strict=True):
            layer.kernel.assign(random.normal(0.0, deviation, layer.kernel.shape))
    return model
