"""docs/design.md: its table of dependencies is true, and so are its rooms."""

import importlib.metadata
import platform
import re
import sys

import pytest

from tests.conftest import BASE_FOLDER
from tests.docs.following import text_of

DOCUMENT = text_of('docs/design.md')
REQUIREMENTS = re.findall(r'^([\w-]+)==', text_of('requirements.txt'), re.MULTILINE)
CONSTRAINTS = re.findall(r'^([\w-]+)==', text_of('constraints.txt'), re.MULTILINE)
FOUND = re.findall(r'^\| ([\w-]+) \| [^|]+ \| ([^|]+) \| ([\d.]+) \|$', DOCUMENT, re.MULTILINE)
ROWS = {name: (licence, float(megabytes)) for name, licence, megabytes in FOUND}


def megabytes(name):
    files = importlib.metadata.files(name)
    return sum(file.locate().stat().st_size for file in files if file.suffix != '.pyc') / 1e6


def test_every_dependency_is_in_the_table():
    """What a user's own models need may follow ours."""
    assert list(ROWS) == REQUIREMENTS[: len(ROWS)]


@pytest.mark.parametrize('name', ROWS)
def test_its_licence_is_what_the_package_says(name):
    metadata = importlib.metadata.metadata(name)
    fields = ('License-Expression', 'License', 'Classifier')
    said = ' '.join(value for field in fields for value in metadata.get_all(field) or [])
    said = said.replace('BSD License', 'BSD-3-Clause').replace('License: BSD', 'BSD-3-Clause')
    assert any(word in said for word in re.findall(r'[\w.-]+', ROWS[name][0]) if word not in ('and', 'or', 'as'))


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ('linux', 'x86_64'), reason='the sizes are of wheels for Linux x86-64'
)
def test_the_sizes():
    for name in ROWS:
        assert megabytes(name) == pytest.approx(ROWS[name][1], rel=0.25, abs=0.1)
    total = float(re.search(r'take (\d+) MB', DOCUMENT)[1])
    assert sum(map(megabytes, [*ROWS, *CONSTRAINTS])) == pytest.approx(total, rel=0.25)


def test_the_rooms_are_all_there():
    rooms = set(re.findall(r'^\| `(\w+)/` \|', DOCUMENT, re.MULTILINE))
    assert rooms == {path.parent.name for path in (BASE_FOLDER / 'model_serving').glob('*/__init__.py')}
