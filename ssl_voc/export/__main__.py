"""`python -m ssl_voc.export`."""

import sys

from ssl_voc.export.command import main

sys.exit(main())
