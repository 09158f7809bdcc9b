"""`python -m ssl_voc.predict`."""

import sys

from ssl_voc.predict.command import main

sys.exit(main())
