"""The form of the log's lines: text as conf/logging.conf says, or JSON with `log_format = json`."""

import json
from datetime import datetime

from ..serving import secrets


class Formatter(secrets.Formatter):
    """The formatter of conf/logging.conf. `create_app` sets `is_json`, for all lines of the process."""

    is_json = False

    def line(self, record) -> str:
        """Return the line of a record; the attribute `fields` of one is a part of the JSON."""
        if not self.is_json:
            return super().line(record)
        fields = {
            # In this order, bin/process.sh finds the message.
            'time': datetime.fromtimestamp(record.created).astimezone().isoformat(timespec='milliseconds'),
            'level': record.levelname,
            'logger': record.name,
            **getattr(record, 'fields', {}),
        }
        if record.exc_info:
            fields['traceback'] = self.formatException(record.exc_info)
        fields['message'] = record.getMessage()
        # Before the texts become JSON: in what Python has escaped once already, nobody would find a secret.
        return json.dumps(secrets.hidden_in(fields), ensure_ascii=False)
