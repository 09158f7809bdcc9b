"""`python -m ssl_voc.study`."""

import sys

from ssl_voc.study.command import main

sys.exit(main())
