"""`python -m ssl_voc.pretrain`."""

import sys

from ssl_voc.pretrain.command import main

sys.exit(main())
