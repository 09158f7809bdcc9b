"""`python -m ssl_voc.evaluate`."""

import sys

from ssl_voc.evaluate.command import main

sys.exit(main())
