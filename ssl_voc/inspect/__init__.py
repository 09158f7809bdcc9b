"""Report of a data set before training: what it holds, and what is wrong with it."""

from ssl_voc.inspect.command import inspect, main
from ssl_voc.inspect.config import InspectConfig
