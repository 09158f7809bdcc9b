"""Export of fine-tuned models as SavedModel, ONNX or LiteRT."""

from ssl_voc.export.command import export as export
from ssl_voc.export.command import main as main
from ssl_voc.export.config import ExportConfig as ExportConfig
