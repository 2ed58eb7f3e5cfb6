"""Sets logging up by conf/logging.conf."""

import logging
import logging.config

from .conf_utils import CONF_FOLDER

logging.config.fileConfig(CONF_FOLDER / 'logging.conf', disable_existing_loggers=False)

XXXModel_LOGGER = logging.getLogger('XXXModel')
