"""Heat maps of fine-tuned models, their measures, and the shortcut search."""

from ssl_voc.explain.command import explain, main
from ssl_voc.explain.config import ExplainConfig
