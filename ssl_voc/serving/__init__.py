"""Artifacts that TensorFlow Serving loads.

Knows no pipelines: what prepares photos comes as functions.
"""

from ssl_voc.serving.saved_model import MAX_PIXELS as MAX_PIXELS
from ssl_voc.serving.saved_model import folder_bytes as folder_bytes
from ssl_voc.serving.saved_model import operations_of as operations_of
from ssl_voc.serving.saved_model import write_saved_model as write_saved_model
from ssl_voc.serving.served_model import ServedModel as ServedModel
from ssl_voc.serving.version_folder import new_version as new_version
from ssl_voc.serving.version_folder import versions_of as versions_of
