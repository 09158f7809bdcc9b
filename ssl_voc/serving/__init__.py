"""Artifacts that TensorFlow Serving loads.

Knows no pipelines: what prepares photos comes as functions.
"""

from ssl_voc.serving.saved_model import (
    MAX_PIXELS,
    folder_bytes,
    operations_of,
    write_saved_model,
)
from ssl_voc.serving.served_model import ServedModel
