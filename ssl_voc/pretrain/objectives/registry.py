"""Registry of pretraining objectives by the value of `--objective`."""

from ssl_voc.pretrain.objectives.simclr import SimCLRObjective
from ssl_voc.pretrain.objectives.supervised import SupervisedObjective

OBJECTIVES = {
    "simclr": SimCLRObjective,
    "supervised": SupervisedObjective,
}
