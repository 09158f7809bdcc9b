"""Runs `finetune` and stops it at one exact batch, as a kill or a person would.

python -m tests.finetune.stopped SIGNAL EPOCH BATCH [flags of finetune]
"""

import signal
import sys

from ssl_voc.finetune import command
from tests.pretrain.stopped import stop_at

if __name__ == "__main__":
    name, epoch, batch, *flags = sys.argv[1:]
    stop_at(getattr(signal, name), int(epoch), int(batch))
    sys.exit(command.main(flags))
