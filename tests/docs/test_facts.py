"""The figures of the guides that the code knows: each sentence, and where its numbers come from."""

import re

import pytest

from model_serving.formats import FORMATS, MAX_BODY
from model_serving.front import failures
from model_serving.models.ocr_model import MAX_PIXELS
from model_serving.server import protocol, watch
from model_serving.serving import servable
from model_serving.utils.schema_validator import MAX_ERRORS
from model_serving.web.strict_json import MAX_DEPTH
from tests.conftest import BASE_FOLDER
from tests.docs.following import text_of

IN_WORDS = ('no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten')


def found(path, pattern):
    """Return what a file of the repository says in the place of the pattern's group."""
    (value,) = set(re.findall(pattern, text_of(path), re.MULTILINE))
    return value


def measured(who):
    """Return a row of the table of docs/benchmarks.md, without its marks; test_benchmarks.py checks the table."""
    row = re.search(rf'^\| (?:\*\*)?{who}(?:\*\*)? \|(.+)\|$', text_of('docs/benchmarks.md'), re.MULTILINE)[1]
    return [re.sub(r' a second| ×|\*', '', cell).strip() for cell in row.split('|')]


PYTHON = found('main.py', r'version_info < \((\d, \d+)\)').replace(', ', '.')
GRACEFUL = found('conf/gunicorn.conf.py', r'^graceful_timeout = (\d+)')
KEEP_ALIVE = found('conf/gunicorn.conf.py', r'^keepalive = (\d+)')
STOP = found('docs/deploy-systemd.md', r'^TimeoutStopSec=(\d+)')
OURS, FASTAPI, LITSERVE = map(measured, ('this service', 'FastAPI', 'LitServe'))
HANGS = servable.HANGS_AFTER
HEAD, MAX_MIB = f'{protocol.MAX_HEAD // 1024} KiB', MAX_BODY // 2**20
MODELS = len(re.findall(r'^## \w+Model$', text_of('docs/models.md'), re.MULTILINE))
PEERS = len(
    set(re.findall(r'^\| (.+?) \| \S+ [\d.]+ \|', text_of('bench/figures.md'), re.MULTILINE)) - {'this service'}
)

# Document, sentence, the numbers in it.
FACTS = [
    ('README.md', 'You need Python {} or newer', PYTHON),
    ('README.md', 'it greets {} times and recognises {} digits a second', OURS[0], OURS[1]),
    (
        'README.md',
        '{} and {} times as often as FastAPI, {} and {} times as often as LitServe',
        *FASTAPI[:2],
        *LITSERVE[:2],
    ),
    ('docs/README.zh-CN.md', 'Python {} 或更高版本', PYTHON),
    ('docs/README.zh-CN.md', '每秒能问候 {} 次，或识别 {} 个数字', OURS[0], OURS[1]),
    ('docs/README.zh-CN.md', 'FastAPI 的 {} 倍和 {} 倍，LitServe 的 {} 倍和 {} 倍', *FASTAPI[:2], *LITSERVE[:2]),
    ('docs/benchmarks.md', 'beside {} other ways', IN_WORDS[PEERS]),
    ('docs/models.md', 'Beside `XXXModel`, the greeting, {} models come with the service', IN_WORDS[MODELS]),
    ('docs/models.md', 'pictures of up to {} million pixels', MAX_PIXELS // 10**6),
    ('docs/troubleshooting.md', 'Python {} or newer is needed', PYTHON),
    ('docs/operate.md', 'until accepted requests are answered, for at most {} s', GRACEFUL),
    ('docs/operate.md', 'stop after accepted requests are answered, for at most {} s', GRACEFUL),
    ('docs/operate.md', 'when it takes longer than {} times', IN_WORDS[HANGS]),
    ('docs/operate.md', 'a `def` handler when it takes longer than {} times', IN_WORDS[HANGS + 1]),
    ('docs/operate.md', 'gives its other requests up to {} s', watch.GRACE),
    ('docs/operate.md', 'what its arrays need, up to {} MiB', MAX_MIB),
    ('docs/operate.md', 'stops in the middle of a body gets a 408 after {} s', failures.SILENCE),
    ('docs/operate.md', 'stops reading its answer, is disconnected after {} s', protocol.SILENCE),
    ('docs/operate.md', "A request's head is limited to {}", HEAD),
    ('docs/operate.md', 'It is closed after {} s', KEEP_ALIVE),
    ('docs/errors.md', 'A request head of more than {}', HEAD),
    ('docs/errors.md', 'nested deeper than {} levels', MAX_DEPTH),
    ('docs/errors.md', '`errors` lists up to {} failures', MAX_ERRORS),
    ('docs/api.md', '`errors`, up to {} failures', MAX_ERRORS),
    ('docs/configuration.md', 'at most {} MiB', MAX_MIB),
    ('docs/deploy-container.md', 'the service answers accepted requests for up to {} s', GRACEFUL),
    ('docs/deploy-container.md', '--stop-timeout {}', STOP),
    ('docs/deploy-kubernetes.md', 'accepted requests for up to {} s', GRACEFUL),
    ('docs/deploy-systemd.md', 'for at most {} s', GRACEFUL),
    (
        'docs/deploy-app-engine.md',
        '| F1 | {} MB |',
        found('tests/test_app_engine.py', r'^F1_MEMORY, .* = (\d+),'),
    ),
]


@pytest.mark.parametrize('document, sentence, numbers', [(document, text, rest) for document, text, *rest in FACTS])
def test_a_figure(document, sentence, numbers):
    assert sentence.format(*numbers) in ' '.join(text_of(document).split())


def test_systemd_and_docker_wait_longer_than_the_service():
    assert int(STOP) >= int(GRACEFUL) + 5


@pytest.mark.parametrize('document', ['README.md', 'docs/README.zh-CN.md'])
def test_each_framework_is_named(document):
    """A format that is added is told of on the first page."""
    assert sorted(FORMATS) == ['.json', '.onnx', '.pt2', '.skops', '.txt', '.ubj']
    assert all(name in text_of(document) for name in ('ONNX', 'scikit-learn', 'XGBoost', 'LightGBM', '.pt2'))


def test_the_messages_in_troubleshooting_are_those_of_the_code():
    """What stands in `…` in a first column, but for what others say."""
    others = {
        'Address already in use', 'ModuleNotFoundError', 'ImportError: libGL.so.1', 'SIGKILL', 'Failed to connect',
        'Connection refused', 'wrong version number', 'Failed to fetch', "credentials: 'include'",
        'UTF-8 byte order mark', "is not of type 'object'", 'is a required property',
    }  # fmt: skip
    sources = [*BASE_FOLDER.glob('bin/*.sh'), *BASE_FOLDER.glob('model_serving/**/*.py')]
    code = '\n'.join(path.read_text(encoding='utf-8') for path in sources)
    columns = re.findall(r'^\| ([^|]+) \| [^|]+ \| [^|]+ \|$', text_of('docs/troubleshooting.md'), re.MULTILINE)
    said = [part.strip() for column in columns for text in re.findall(r'`([^`]+)`', column) for part in text.split('…')]
    assert [text for text in said if text and text not in others and text not in code] == []
