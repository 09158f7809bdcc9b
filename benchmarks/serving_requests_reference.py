"""Reference predictions of an artifact for photos sent as PNG.

    python -m benchmarks.serving_requests_reference MODEL FOLDER

Prints one line of json: name of each file of FOLDER to boxes, scores, names and size.
"""

import json
import pathlib
import sys

import pipelines
from ssl_voc.predict.photos import LoadedPhoto, encode_png
from ssl_voc.predict.predictors import open_predictor


def main(model, folder):
    """Asks the newest version of MODEL, photo by photo."""
    predictor = open_predictor(model)
    answers = {}
    for path in sorted(pathlib.Path(folder).iterdir()):
        pixels = pipelines.decode(path.read_bytes())
        photo = LoadedPhoto(path, path.name, encode_png(pixels), pixels, False, None)
        [found] = predictor.predict([photo])
        answers[path.name] = {
            "boxes": found.boxes.tolist(),
            "scores": found.scores.tolist(),
            "class_names": list(found.class_names),
            "image_size": list(pixels.shape[:2]),
        }
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
