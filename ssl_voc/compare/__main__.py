"""`python -m ssl_voc.compare`."""

import sys

from ssl_voc.compare.command import main

sys.exit(main())
