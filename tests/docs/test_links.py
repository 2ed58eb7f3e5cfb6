"""Every relative link of every document goes somewhere, and so does each `#fragment`."""

import re

import pytest

from tests.conftest import BASE_FOLDER
from tests.docs.following import text_of

# Folders of packages and of tests' leavings have documents of others.
NOT_OURS = re.compile(r'(\.venv|tmp|\.pytest_cache)/')
PATHS = [path.relative_to(BASE_FOLDER).as_posix() for path in sorted(BASE_FOLDER.rglob('*.md'))]
DOCUMENTS = [path for path in PATHS if not NOT_OURS.match(path)]


def anchors(document):
    """Return the fragments of a document's headings, as the hosts of repositories make them."""
    headings = re.findall(r'^#+ +(.+)$', text_of(document), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


def goes_somewhere(document, link):
    path, _, fragment = link.partition('#')
    target = (BASE_FOLDER / document).parent.joinpath(path).resolve() if path else BASE_FOLDER / document
    is_there = target.is_relative_to(BASE_FOLDER) and target.exists()
    return is_there and (not fragment or fragment in anchors(target))


@pytest.mark.parametrize('document', DOCUMENTS)
def test_links(document):
    text = re.sub(r'^ *```.*?^ *```$', '', text_of(document), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r'!?\[[^\]]*\]\((?!\w+:)([^)\s]+)\)', text)
    assert [link for link in links if not goes_somewhere(document, link)] == []
