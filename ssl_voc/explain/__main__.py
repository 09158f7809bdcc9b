"""`python -m ssl_voc.explain`."""

import sys

from ssl_voc.explain.command import main

sys.exit(main())
