"""The table of settings: what each one is called, which values it may have, and what it means."""

from typing import NamedTuple

from ..serving.errors import StartError
from .kinds import (
    ALLOW_OR_REFUSE,
    COUNT,
    DEVICE,
    FILE,
    LIST,
    LOG_FORMAT,
    NAME,
    ON_ERROR,
    ON_OFF,
    ORIGINS,
    PROXIES,
    RATES,
    SECONDS,
    SIZE,
    STORAGE,
    WORDS,
    Kind,
)


class Setting(NamedTuple):
    """A row of the table. A setting with `only_own` is only valid in the file of one model, not in serving.conf."""

    section: str
    key: str
    kind: Kind
    default: str | None
    meaning: str
    only_own: bool = False

    def read(self, text, place):
        """Return the value of a text; raises StartError, which names the place and what is allowed."""
        try:
            return self.kind.read(text.strip())
        except (ValueError, KeyError) as error:
            raise StartError(f'{place} = {text!r}: {self.kind.fault(text)}') from error


SETTINGS = (
    Setting('serving', 'max_body', SIZE, '1 MiB', 'The largest body for all URLs but those of models.'),
    Setting(
        'serving', 'max_bodies', SIZE, '64 MiB', 'How much memory all request bodies of a worker may take together.'
    ),
    Setting('serving', 'access_log', ON_OFF, 'on', 'Write a line of the log for each request.'),
    Setting(
        'serving',
        'log_health_checks',
        ON_OFF,
        'off',
        'If access_log is on: log health checks and calls of /metrics too. Those that fail are logged anyway.',
    ),
    Setting(
        'serving',
        'log_format',
        LOG_FORMAT,
        'text',
        'Write the log as lines of text, or as a JSON object for each line.',
    ),
    Setting('serving', 'metrics', ON_OFF, 'on', 'Count requests and batches, and serve the metrics at /metrics.'),
    Setting(
        'serving',
        'page',
        ON_OFF,
        'on',
        'Whether the page, the guides and the API documentation are served.',
    ),
    Setting(
        'serving',
        'default_model',
        NAME,
        None,
        'The model that is called at /invocations and by Vertex AI, if there are several: its name, or as v2/MyModel.',
    ),
    Setting(
        'serving', 'api_keys', FILE, None, 'The file of the API keys; unless it is set, conf/api_keys if it exists.'
    ),
    Setting('serving', 'cors_origins', ORIGINS, '*', 'The sites whose pages may read the answers.'),
    Setting(
        'serving',
        'trusted_proxies',
        PROXIES,
        '0',
        'The proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: how many there are, or their addresses.',
    ),
    Setting('serving', 'rate_limit_storage', STORAGE, 'memory', 'Where requests are counted for rate_limit.'),
    Setting(
        'serving',
        'rate_limit_failure',
        ALLOW_OR_REFUSE,
        'allow',
        'Whether requests are answered, or refused with 503, while Redis does not answer.',
    ),
    Setting(
        'model', 'max_batch_size', COUNT, '32', 'How many instances are predicted together at most; 1: no batches.'
    ),
    Setting(
        'model',
        'max_body',
        SIZE,
        None,
        'The largest body, after decompression; a larger one is a 413. Unless it is set, it is 1 MiB, or for a model '
        'file as much as its arrays need, at most 32 MiB, which is the limit for many rows in one call.',
    ),
    Setting('model', 'max_queue', COUNT, '1000', 'How many calls may run or wait in a worker; one more is a 429.'),
    Setting('model', 'streams', COUNT, '1', 'How many streams of a model run at the same time in a worker.'),
    Setting(
        'model',
        'timeout',
        SECONDS,
        '30',
        'How long a call may take, its waiting included, and a stream for each piece; then it is a 504.',
    ),
    Setting(
        'model',
        'rate_limit',
        RATES,
        'none',
        'How many requests of each caller the model answers in a time; one more is a 429. A caller is an API key, or '
        'without keys an address.',
    ),
    Setting('model', 'file', FILE, None, 'The model file to serve at /v<version>/<name>.', True),
    Setting('model', 'version', COUNT, '1', 'The version in the URL of a model file.', True),
    Setting('model', 'schema', FILE, None, "A JSON merge patch (RFC 7386) over a file's own schema.", True),
    Setting('model', 'trusted', WORDS, '', 'Types beyond the default ones that a skops file may load.', True),
    Setting('model', 'batch', ON_OFF, 'yes', 'no: the first dimension of the inputs is not the batch.', True),
    Setting('model', 'classes', LIST, '', 'The names of the classes, for a file that only has their numbers.', True),
    Setting('model', 'device', DEVICE, 'cpu', 'Where a file of ONNX or PyTorch runs.', True),
    Setting('model', 'trust_file', ON_OFF, 'no', 'Allow files that can run code when they are loaded: .pt2.', True),
    Setting('model', 'on_error', ON_ERROR, 'stop', 'If the model cannot start: stop the service, or skip the model.'),
)
SECTIONS = {
    section: {setting.key: setting for setting in SETTINGS if setting.section == section}
    for section in ('serving', 'model')
}
