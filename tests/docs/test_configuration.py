"""docs/configuration.md is what docs/make_configuration.py makes of the table of settings."""

import subprocess
import sys
from pathlib import Path

from model_serving.utils.conf_utils import SETTINGS

BASE_FOLDER = Path(__file__).resolve().parents[2]
DOCUMENT = (BASE_FOLDER / 'docs' / 'configuration.md').read_text(encoding='utf-8')


def test_it_is_up_to_date(tmp_path):
    for name in ('docs/make_configuration.py', 'conf/gunicorn.conf.py'):
        copy = tmp_path / name
        copy.parent.mkdir()
        copy.write_bytes((BASE_FOLDER / name).read_bytes())
    (tmp_path / 'model_serving').symlink_to(BASE_FOLDER / 'model_serving')
    subprocess.run([sys.executable, 'docs/make_configuration.py'], cwd=tmp_path, check=True, timeout=60)
    made = (tmp_path / 'docs' / 'configuration.md').read_text(encoding='utf-8')
    assert made == DOCUMENT, 'The settings have changed: .venv/bin/python docs/make_configuration.py'


def test_every_setting_is_there():
    for setting in SETTINGS:
        assert f'| `{setting.key}` |' in DOCUMENT
        assert f'_{setting.key.upper()}`' in DOCUMENT
    for variable in ('HOST', 'PORT', 'WORKERS', 'THREADS'):
        assert f'| `{variable}` |' in DOCUMENT
