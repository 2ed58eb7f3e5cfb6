"""gunicorn's log, without what it would do for nothing."""

import sys

from gunicorn.glogging import Logger as StockLogger

from .connection import SILENCE


class Logger(StockLogger):
    """Leaves the line of each request to the edge; the stock logger puts its own together and then drops it."""

    def access(self, *answer):
        pass

    def exception(self, message, *args, **kwargs):
        """Log the exception; a client that fell silent is no fault of ours, so without a traceback."""
        if isinstance(sys.exc_info()[1], BlockingIOError):
            self.info('A client was silent for %s s in the middle of a request or an answer: let go.', SILENCE)
        else:
            super().exception(message, *args, **kwargs)
