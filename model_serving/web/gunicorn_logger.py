"""gunicorn's log, without what it would do for nothing."""

import sys

from gunicorn.glogging import Logger as StockLogger

from .connection import SlowestClient
from .hub import SILENCE


class Logger(StockLogger):
    """Leaves the line of each request to the edge; the stock logger puts its own together and then drops it."""

    def access(self, *answer):
        pass

    def exception(self, message, *args, **kwargs):
        """Log the exception; a client that fell silent is no fault of ours, so without a traceback."""
        error = sys.exc_info()[1]
        if isinstance(error, BlockingIOError):
            what = 'the slowest of too many' if isinstance(error, SlowestClient) else f'silent for {SILENCE} s'
            self.info('A client was %s in the middle of a request or an answer: let go.', what)
        else:
            super().exception(message, *args, **kwargs)
