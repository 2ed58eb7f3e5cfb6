"""Doing what a guide says: its files are written and its commands run as they stand, in order."""

import json
import re
import shutil
from typing import NamedTuple

from tests.conftest import BASE_FOLDER

RUN, ANSWER = ('sh', 'python', 'js'), ('json', 'text')
BLOCK = re.compile(
    r'^(?P<indent> *)(?:(?:`(?P<path>[^`\n]+)`[:：]|(?P<not_run><!-- not run: [^\n]+ -->))\n *)?'
    r'```(?P<language>\w*)\n(?P<text>.*?)^ *```$',
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A block of a document: `path` is set for a file to write; `is_run` is false where the document says so."""

    path: str | None
    language: str
    text: str
    is_run: bool
    line: int


def text_of(document) -> str:
    """Return the text of a file of the repository."""
    return (BASE_FOLDER / document).read_text(encoding='utf-8')


def blocks(text: str) -> list:
    return [
        Block(
            match['path'],
            match['language'],
            re.sub(f'^{match["indent"]}', '', match['text'], flags=re.MULTILINE),
            match['language'] in RUN and not match['path'] and not match['not_run'],
            text.count('\n', 0, match.start('language')) + 1,
        )
        for match in BLOCK.finditer(text)
    ]


def follow(tree, blocks, skip=()):
    """Write the files and run the commands in a copy of the tree, but for those that start with one of `skip`.

    A block of JSON or text that is no file shows the last line that the commands before it printed.
    """
    printed = ''
    for block in blocks:
        if block.path:
            (tree.folder / block.path).parent.mkdir(parents=True, exist_ok=True)
            (tree.folder / block.path).write_text(block.text, encoding='utf-8')
        elif block.language == 'sh' and block.is_run and not block.text.startswith(skip):
            printed = run(tree, block.text)
        elif block.language in ANSWER:
            assert_shown(printed.splitlines()[-1], block)


def run(tree, commands: str) -> str:
    """Run the commands, with the service's own URL for that of the guides; returns what they print."""
    finished = tree.run('sh', '-euc', with_url(tree, commands))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def with_url(service, code: str) -> str:
    return re.sub(r'http://(localhost|127\.0\.0\.1):9999', service.url, code)


def assert_shown(printed: str, answer: Block):
    """Check that a block shows what was printed; `…` in it stands for anything."""
    if answer.language == 'json' and '…' not in answer.text:
        assert value(printed) == value(answer.text)
    else:
        pattern = re.escape(answer.text.strip()).replace('…', '.*?')
        assert re.fullmatch(pattern, printed.strip(), re.DOTALL), f'{printed}\nis not as shown:\n{answer.text}'


def value(text: str):
    """Return the JSON value; the last digits of its numbers depend on the processor."""
    return json.loads(text, parse_float=lambda number: round(float(number), 3))


def prepare(tree, *names):
    """Give a copy what its tests need, and take models from it that are going to be added: they may be there."""
    (tree.folder / 'tests').mkdir()
    shutil.copy(BASE_FOLDER / 'tests' / 'conftest.py', tree.folder / 'tests')
    routes = tree.folder / 'model_serving' / 'routes.py'
    lines = routes.read_text(encoding='utf-8').splitlines(keepends=True)
    routes.write_text(''.join(line for line in lines if not any(name in line for name in names)), encoding='utf-8')
    for name in names:
        for path in tree.folder.glob(f'[cm]*/**/{name.removesuffix("Model").lower()}_model*'):
            path.unlink()
