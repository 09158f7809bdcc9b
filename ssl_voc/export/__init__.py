"""Export of fine-tuned models as SavedModel, ONNX or LiteRT."""

from ssl_voc.export.command import export, main
from ssl_voc.export.config import ExportConfig
