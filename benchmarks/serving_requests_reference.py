"""Reference predictions of an artifact for photos sent as PNG.

    python -m benchmarks.serving_requests_reference MODEL FOLDER

Prints one line of json: name of each file of FOLDER to boxes, scores, names and size.
"""

import dataclasses
import json
import pathlib
import sys

from ssl_voc.predict.photo_names import NamedPhoto
from ssl_voc.predict.photos import encode_png, load_photo
from ssl_voc.predict.predictors import open_predictor


def main(model, folder):
    """Asks the newest version of MODEL, photo by photo."""
    predictor = open_predictor(model)
    answers = {}
    for path in sorted(pathlib.Path(folder).iterdir()):
        photo = load_photo(NamedPhoto(path, path.name))
        png = dataclasses.replace(photo, file=encode_png(photo.pixels))
        [found] = predictor.predict([png])
        answers[path.name] = {
            "boxes": found.boxes.tolist(),
            "scores": found.scores.tolist(),
            "class_names": list(found.class_names),
            "image_size": list(photo.size),
        }
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
