"""Doing what a guide says: its files are written and its commands run as they stand, in order."""

import json
import re
from typing import NamedTuple

BLOCK = re.compile(
    r'(?:^(?:`(?P<path>[^`\n]+)`:|(?P<not_run><!-- not run: [^\n]+ -->))\n)?'
    r'^```(?P<language>\w*)\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A block of a document: `path` is set for a file to write, `not_run` where the document says that it is not."""

    path: str | None
    not_run: str | None
    language: str
    text: str


def blocks(text: str) -> list:
    return [Block(**match.groupdict()) for match in BLOCK.finditer(text)]


def follow(tree, blocks, skip=()):
    """Write the files and run the commands in a copy of the tree, but for those that start with one of `skip`.

    A block of JSON that is no file is what the commands before it printed last; so is one of text, where `…` stands
    for anything.
    """
    printed = ''
    for block in blocks:
        if block.path:
            (tree.folder / block.path).parent.mkdir(parents=True, exist_ok=True)
            (tree.folder / block.path).write_text(block.text, encoding='utf-8')
        elif block.language == 'sh' and not block.not_run and not block.text.startswith(skip):
            printed = run(tree, block.text)
        elif block.language == 'json':
            assert value(printed.splitlines()[-1]) == value(block.text)
        elif block.language == 'text':
            assert re.fullmatch(re.escape(block.text.strip()).replace('…', '.*'), printed.splitlines()[-1])


def run(tree, commands: str) -> str:
    """Run the commands, with the service's own URL for that of the guides; returns what they print."""
    finished = tree.run('sh', '-ec', commands.replace('http://localhost:9999', tree.url))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def value(text: str):
    """Return the JSON value; the last digits of its numbers depend on the processor."""
    return json.loads(text, parse_float=lambda number: round(float(number), 3))


def remove_models(tree, *names):
    """Remove models that a guide is going to add: whoever followed it has them already."""
    routes = tree.folder / 'model_serving' / 'routes.py'
    lines = routes.read_text(encoding='utf-8').splitlines(keepends=True)
    routes.write_text(''.join(line for line in lines if not any(name in line for name in names)), encoding='utf-8')
    for name in names:
        for path in tree.folder.glob(f'[cm]*/**/{name.removesuffix("Model").lower()}_model*'):
            path.unlink()
