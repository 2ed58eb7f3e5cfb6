"""The code in the documents is run against the live service, and answers as the documents show.

A block of `sh`, `python` or `js` is run; a `json` or `text` block that follows it is what it must print. In that, `…`
stands for anything. `<!-- not run: why -->` in front of a block leaves it out. Other languages are not run. Shell and
Python run in the folder of the service, JavaScript in a browser on its page.
"""

import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

BASE_FOLDER = Path(__file__).resolve().parents[2]
DOCUMENTS = (
    'README.md',
    'docs/README.zh-CN.md',
    'docs/api.md',
    'docs/call.md',
)
RUN, ANSWER = ('sh', 'python', 'js'), ('json', 'text')
BLOCK = re.compile(r'^( *)(<!-- not run: [^\n]+ -->\n *)?```(\w*)\n(.*?)^ *```$', re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    language: str
    code: str
    is_run: bool
    line: int


def blocks_of(document):
    text = (BASE_FOLDER / document).read_text(encoding='utf-8')
    return [
        Block(
            match[3],
            re.sub(rf'^{match[1]}', '', match[4], flags=re.MULTILINE),
            match[3] in RUN and not match[2],
            text.count('\n', 0, match.start(3)) + 1,
        )
        for match in BLOCK.finditer(text)
    ]


def cases():
    """Return each block that is run with the block of its answer, or None."""
    found = []
    for document in DOCUMENTS:
        blocks = blocks_of(document)
        for block, following in zip(blocks, [*blocks[1:], None], strict=True):
            if block.is_run:
                answer = following if following and following.language in ANSWER else None
                found.append(pytest.param(block, answer, id=f'{document}:{block.line}'))
    return found


def run_in_browser(browser, service, code):
    """Run JavaScript on the service's page, where there is jQuery; returns the first line that it logs."""
    page = browser.new_page()
    try:
        page.goto(service.url)
        page.wait_for_function('window.jQuery')
        with page.expect_console_message(timeout=20_000) as message:
            page.evaluate(f'() => {{ {code} }}')
        return message.value.text
    finally:
        page.close()


def assert_shown(printed, answer):
    if answer.language == 'json' and '…' not in answer.code:
        assert json.loads(printed) == json.loads(answer.code)
    else:
        pattern = re.escape(answer.code.strip()).replace('…', '.*?')
        assert re.fullmatch(pattern, printed.strip(), re.DOTALL), f'{printed}\nis not as shown:\n{answer.code}'


@pytest.mark.parametrize('block, answer', cases())
def test_code_block(service, request, block, answer):
    code = re.sub(r'http://(localhost|127\.0\.0\.1):9999', service.url, block.code)
    if block.language == 'js':
        printed = run_in_browser(request.getfixturevalue('browser'), service, code)
    else:
        command = ['sh', '-euc', code] if block.language == 'sh' else [sys.executable, '-c', code]
        finished = service.run(*command)
        assert finished.returncode == 0, finished.stderr
        printed = finished.stdout
    if answer:
        assert_shown(printed, answer)


def test_both_languages_show_the_same_code():
    english, chinese = (
        [(block.language, block.code, block.is_run) for block in blocks_of(document)]
        for document in ('README.md', 'docs/README.zh-CN.md')
    )
    assert english == chinese
    assert sum(is_run for _, _, is_run in english) == 4


def test_both_languages_have_the_same_links():
    english, chinese = (
        re.findall(r'\]\(([^)]+)\)', (BASE_FOLDER / document).read_text(encoding='utf-8'))
        for document in ('README.md', 'docs/README.zh-CN.md')
    )
    as_in_english = [str((BASE_FOLDER / 'docs' / link).resolve().relative_to(BASE_FOLDER)) for link in chinese]
    assert as_in_english[1:] == english[1:]
