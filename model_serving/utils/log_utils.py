"""One logger for each model: `from ..utils.log_utils import XXXModel_LOGGER`, for any name.

Handlers and format come from conf/logging.conf.
"""

import logging
import logging.config

from .conf_utils import CONF_FOLDER

logging.config.fileConfig(CONF_FOLDER / 'logging.conf', disable_existing_loggers=False)


def __getattr__(name: str) -> logging.Logger:
    """Return the logger `Name` for the attribute `Name_LOGGER`, so that a new model needs no line here."""
    if not name.endswith('_LOGGER'):
        raise AttributeError(f'log_utils has loggers only: XXXModel_LOGGER, not {name}')
    return logging.getLogger(name.removesuffix('_LOGGER'))
