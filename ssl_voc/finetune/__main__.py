"""`python -m ssl_voc.finetune`."""

import sys

from ssl_voc.finetune.command import main

sys.exit(main())
