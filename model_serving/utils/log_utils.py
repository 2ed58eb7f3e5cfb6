"""Sets logging up by conf/logging.conf."""

import logging
import logging.config
import sys
import threading

from .conf_utils import CONF_FOLDER

logging.config.fileConfig(CONF_FOLDER / 'logging.conf', disable_existing_loggers=False)

XXXModel_LOGGER = logging.getLogger('XXXModel')
LOGGER = logging.getLogger('errors')


def log_what_python_writes():
    """Log warnings and uncaught exceptions. Python would write them to stderr, and secrets with them."""
    logging.captureWarnings(True)
    sys.excepthook = lambda *exc_info: LOGGER.error('Uncaught exception', exc_info=exc_info)
    sys.unraisablehook = _log_unraisable
    threading.excepthook = _log_end_of_thread


def _log_unraisable(unraisable):
    exc_info = unraisable.exc_type, unraisable.exc_value, unraisable.exc_traceback
    LOGGER.error('%s: %r', unraisable.err_msg or 'Exception ignored in', unraisable.object, exc_info=exc_info)


def _log_end_of_thread(end):
    # A thread may call sys.exit to end.
    if end.exc_type is not SystemExit:
        exc_info = end.exc_type, end.exc_value, end.exc_traceback
        LOGGER.error('Uncaught exception in thread %s', end.thread and end.thread.name, exc_info=exc_info)
