"""Where a model looks: heat maps, what they are worth, and whether to trust them."""

from ssl_voc.heat_maps.class_activation import METHODS as METHODS
from ssl_voc.heat_maps.class_activation import grad_cam as grad_cam
