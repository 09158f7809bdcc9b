"""Stream that claims to be a terminal."""

import io


class Terminal(io.StringIO):
    """Text that was shown, as by a terminal."""

    def isatty(self):
        return True
