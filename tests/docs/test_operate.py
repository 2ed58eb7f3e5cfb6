"""docs/operate.md and docs/configuration.md: what they tell to do is done, and does what they say."""

import re
import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from model_serving.utils.settings import SETTINGS
from model_serving.web.metrics_table import METRICS
from tests.conftest import copy_tree
from tests.docs.following import blocks, follow, text_of

OPERATE = text_of('docs/operate.md')
CONFIGURATION = text_of('docs/configuration.md')


@pytest.fixture(scope='module')
def operated(service_class, tmp_path_factory):
    tree = service_class(tmp_path_factory.mktemp('operate') / 'model serving')
    try:
        follow(tree, blocks(OPERATE))
        yield tree
    finally:
        tree.stop()


def test_the_log_was_emptied_and_is_written_on(operated):
    old = (operated.folder / 'tmp' / 'yesterday.log').read_text(encoding='utf-8')
    (line,) = [line for line in old.splitlines() if line.endswith(' order-42')]
    (shown,) = [block.text.strip() for block in blocks(OPERATE) if block.text.startswith('[')]
    assert re.sub(r'[0-9]+', '0', line) == re.sub(r'[0-9]+', '0', shown)
    assert '\0' not in operated.log
    assert operated.log.startswith('[')


def test_the_defaults_are_those_of_the_settings():
    defaults = {setting.key: setting.default for setting in SETTINGS if setting.default}
    shown = re.findall(r'`(\w+)` = (\d+(?: MiB)?)', OPERATE)
    assert {'max_body', 'timeout', 'max_queue', 'max_bodies', 'streams'} == {key for key, _ in shown}
    assert all(defaults[key] == default for key, default in shown)


def test_queries_and_alerts_ask_for_metrics_and_labels_that_there_are(operated):
    operated.post('/v1/XXXModel', json={})
    labels = {}
    for family in text_string_to_metric_families(operated.get('/metrics').text):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    queries = [*re.findall(r'^\| .+\? \| `(.+)` \|$', OPERATE, re.MULTILINE)]
    (alerts,) = [block.text for block in blocks(OPERATE) if block.path == 'alerts.yml']
    rules = re.findall(r'expr: >?\s*(.+?)\n +(?:for|annotations):', alerts, re.DOTALL)
    assert (len(queries), len(rules)) == (9, 5)
    for query in [*queries, *rules]:
        names = re.findall(r'\bmodel_serving_\w+', query)
        asked = re.findall(r'(\w+)!?=~?"', query) + re.findall(r'\w+', ' '.join(re.findall(r'by \(([^)]+)\)', query)))
        assert names or query.startswith('up{')
        assert set(names) <= labels.keys()
        assert all(set(asked) <= labels[name] for name in names), query


def test_the_table_has_every_metric_with_its_labels():
    table = dict(re.findall(r'^\| `model_serving_(\w+)` \| ([\w, ]*)\|', OPERATE, re.MULTILINE))
    shown = {name.removesuffix('_total'): labels.strip() for name, labels in table.items()}
    labels = {name: ', '.join(row.labels) for name, row in METRICS.items()}
    assert shown == labels | {'worker_resident_memory_bytes': 'pid'}


def test_settings_of_the_environment(operated):
    operated.stop()
    follow(operated, blocks(CONFIGURATION))
    body = {'name': 'Leo' * 2**15}
    assert operated.post('/v1/XXXModel', json=body).status_code == 413
    documented = operated.get('/openapi.json').json()['paths']
    # Its own file says 3 s; the environment's default for all goes before it.
    assert documented['/v1/XXXModel']['post']['x-model']['timeout'] == 10


def test_the_table_has_every_setting_and_is_what_its_script_makes_of_them(tmp_path):
    copy_tree(tmp_path)
    (tmp_path / 'docs' / 'configuration.md').unlink()
    subprocess.run([sys.executable, 'docs/make_configuration.py'], cwd=tmp_path, check=True, timeout=60)
    made = (tmp_path / 'docs' / 'configuration.md').read_text(encoding='utf-8')
    assert made == CONFIGURATION, 'The settings have changed: .venv/bin/python docs/make_configuration.py'
    for setting in SETTINGS:
        assert f'| `{setting.key}` |' in CONFIGURATION
        assert f'_{setting.key.upper()}`' in CONFIGURATION
    for variable in ('HOST', 'PORT', 'WORKERS', 'THREADS'):
        assert f'| `{variable}` |' in CONFIGURATION
