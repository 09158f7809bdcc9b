"""Heat maps of fine-tuned models, their measures, and the shortcut search."""

from ssl_voc.explain.command import explain as explain
from ssl_voc.explain.command import main as main
from ssl_voc.explain.config import ExplainConfig as ExplainConfig
