"""The code in the documents is run against the live service and answers as they show; their links go somewhere.

A block of `sh`, `python` or `js` is run; a `json` or `text` block that follows it is what it must print. In that, `…`
stands for anything. `<!-- not run: why -->` in front of a block leaves it out. Other languages are not run. Shell and
Python run in the folder of the service, JavaScript on its page in a browser, where the first line is what it logs.
"""

import re
import sys

import pytest

from tests.conftest import BASE_FOLDER
from tests.docs.following import ANSWER, assert_shown, blocks, run, text_of, with_url

# Folders of packages and of tests' leavings have documents of others.
NOT_OURS = re.compile(r'(\.venv|tmp|\.pytest_cache)/')
PATHS = [path.relative_to(BASE_FOLDER).as_posix() for path in sorted(BASE_FOLDER.rglob('*.md'))]
ALL_DOCUMENTS = [path for path in PATHS if not NOT_OURS.match(path)]
LIVE = ('README.md', 'docs/api.md', 'docs/call.md', 'docs/clients.md')
# English → Chinese. The code is the same, so it is run once.
TWINS = {
    'README.md': 'docs/README.zh-CN.md',
    'docs/add-a-model.md': 'docs/add-a-model.zh-CN.md',
    'docs/call.md': 'docs/call.zh-CN.md',
}
# These write files, or start and stop the service, so each is followed in a copy of the tree.
FOLLOWED = {
    'docs/add-a-model.md': 'test_add_a_model.py',
    'docs/configuration.md': 'test_operate.py',
    'docs/models.md': 'test_models.py',
    'docs/operate.md': 'test_operate.py',
}


def cases():
    """Return each block that is run with the block of its answer, or None."""
    for document in LIVE:
        found = blocks(text_of(document))
        for block, following in zip(found, [*found[1:], None], strict=True):
            if block.is_run:
                answer = following if following and following.language in ANSWER else None
                yield pytest.param(block, answer, id=f'{document}:{block.line}')


@pytest.mark.parametrize('block, answer', list(cases()))
def test_code_block(service, request, block, answer):
    if block.language == 'js':
        page = request.getfixturevalue('page')
        page.goto(service.url)
        page.wait_for_function('window.jQuery')
        with page.expect_console_message(timeout=20_000) as message:
            page.evaluate(f'() => {{ {with_url(service, block.text)} }}')
        printed = message.value.text
    elif block.language == 'sh':
        printed = run(service, block.text)
    else:
        finished = service.run(sys.executable, '-c', with_url(service, block.text))
        assert finished.returncode == 0, finished.stderr
        printed = finished.stdout
    if answer:
        assert_shown(printed, answer)


def test_every_block_is_run_or_marked():
    """No command of a guide goes untried: its document has a test that runs it, or it is marked as not run."""
    with_commands = {path for path in ALL_DOCUMENTS if any(block.is_run for block in blocks(text_of(path)))}
    assert with_commands == {*LIVE, *FOLLOWED, *TWINS.values()}
    for document, test in FOLLOWED.items():
        assert f"'{document}'" in text_of(f'tests/docs/{test}')


def test_each_chinese_guide_has_an_english_one():
    assert sorted(TWINS.values()) == [path for path in ALL_DOCUMENTS if path.endswith('.zh-CN.md')]


@pytest.mark.parametrize('english, chinese', TWINS.items())
def test_both_languages_show_the_same_code(english, chinese):
    ours, theirs = ([block._replace(line=0) for block in blocks(text_of(path))] for path in (english, chinese))
    assert ours == theirs
    assert len(ours) > 10
    # Such as the versions in a table.
    assert in_line(english) == in_line(chinese)


def in_line(document):
    return set(re.findall(r'`([^`\n]+)`', prose(document)))


@pytest.mark.parametrize('english, chinese', TWINS.items())
def test_both_languages_have_the_same_links(english, chinese):
    # Those at the top lead from one language to the other.
    (to_chinese, *ours), (to_english, *theirs) = targets(english), targets(chinese)
    assert (to_chinese, to_english) == ((chinese, None), (english, None))
    assert [(TWINS.get(file, file), place) for file, place in ours] == theirs


def targets(document):
    """Return where each link of a document leads: to which file or site, and to which of its headings, by number."""
    found = []
    for link in re.findall(r'\]\(([^)\s]+)\)', prose(document)):
        file, fragment = (link, '') if '://' in link else split(document, link)
        found.append((file, anchors(file).index(fragment) if fragment else None))
    return found


def test_the_index_has_every_guide():
    linked = re.findall(r'\]\(([\w.-]+\.md)\)', text_of('docs/guides.md'))
    guides = {path.name for path in (BASE_FOLDER / 'docs').glob('*.md')} - {'guides.md'}
    assert set(linked) == guides
    assert len(linked) == len(guides)


def prose(document):
    """Return the text of a document without its blocks of code."""
    return re.sub(r'^ *```.*?^ *```$', '', text_of(document), flags=re.MULTILINE | re.DOTALL)


def anchors(document):
    """Return the fragments of a document's headings, as the hosts of repositories make them."""
    headings = re.findall(r'^#+ +(.+)$', prose(document), re.MULTILINE)
    return [re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings]


def split(document, link):
    """Return the file that a link leads to, by its path in the repository, and the fragment."""
    path, _, fragment = link.partition('#')
    file = (BASE_FOLDER / document).parent / path if path else BASE_FOLDER / document
    return file.resolve().relative_to(BASE_FOLDER).as_posix(), fragment


def goes_somewhere(document, link):
    file, fragment = split(document, link)
    return (BASE_FOLDER / file).exists() and (not fragment or fragment in anchors(file))


@pytest.mark.parametrize('document', ALL_DOCUMENTS)
def test_links(document):
    links = re.findall(r'!?\[[^\]]*\]\((?!\w+:)([^)\s]+)\)', prose(document))
    assert [link for link in links if not goes_somewhere(document, link)] == []
