"""Registry of pretraining objectives by the value of `--objective`."""

from ssl_voc.pretrain.objectives.byol import BYOLObjective
from ssl_voc.pretrain.objectives.dcl import DCLObjective
from ssl_voc.pretrain.objectives.dense import DenseObjective
from ssl_voc.pretrain.objectives.distill import DistillObjective
from ssl_voc.pretrain.objectives.multicrop import MultiCropObjective
from ssl_voc.pretrain.objectives.simclr import SimCLRObjective
from ssl_voc.pretrain.objectives.supervised import SupervisedObjective
from ssl_voc.pretrain.objectives.vicreg import VICRegObjective

OBJECTIVES = {
    "simclr": SimCLRObjective,
    "dcl": DCLObjective,
    "dense": DenseObjective,
    "multicrop": MultiCropObjective,
    "byol": BYOLObjective,
    "vicreg": VICRegObjective,
    "distill": DistillObjective,
    "supervised": SupervisedObjective,
}
