"""`python -m ssl_voc.inspect`."""

import sys

from ssl_voc.inspect.command import main

sys.exit(main())
