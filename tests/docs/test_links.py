"""Every relative link of every document goes somewhere, and so does each `#fragment`."""

import re
from pathlib import Path

import pytest

BASE_FOLDER = Path(__file__).resolve().parents[2]
# Folders of packages and of tests' leavings have documents of others.
NOT_OURS = ('.venv', 'tmp', '.pytest_cache')
DOCUMENTS = [
    path for path in sorted(BASE_FOLDER.rglob('*.md')) if not set(path.relative_to(BASE_FOLDER).parts) & set(NOT_OURS)
]
LINK = re.compile(r'!?\[[^\]]*\]\(([^)\s]+)\)')


def anchors(document):
    """Return the fragments of a document's headings, as the hosts of repositories make them."""
    headings = re.findall(r'^#+ +(.+)$', document.read_text(encoding='utf-8'), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: path.relative_to(BASE_FOLDER).as_posix())
def test_links(document):
    text = re.sub(r'^ *```.*?^ *```$', '', document.read_text(encoding='utf-8'), flags=re.MULTILINE | re.DOTALL)
    broken = []
    for link in LINK.findall(text):
        if re.match(r'\w+:', link):
            continue
        path, _, fragment = link.partition('#')
        target = (document.parent / path).resolve() if path else document
        inside = target.is_relative_to(BASE_FOLDER)
        if not (inside and target.exists()) or (fragment and fragment not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_there_are_documents():
    assert {'README.md', 'docs/README.zh-CN.md'} <= {path.relative_to(BASE_FOLDER).as_posix() for path in DOCUMENTS}
