"""Markdown → HTML, with ids for the headings and without links that would lead nowhere."""

import posixpath
import re
from html import escape
from typing import NamedTuple

from markdown_it import MarkdownIt

IS_EXTERNAL = re.compile(r'\w+:')


class Heading(NamedTuple):
    """A heading: `h1` to `h6`, the fragment of its address, its text."""

    level: str
    id: str
    text: str


class Link(NamedTuple):
    """A link that works: its text, and its address as the document has it."""

    text: str
    address: str


class Document(NamedTuple):
    """A document as HTML."""

    html: str
    headings: list
    links: list


def to_html(text: str, folder: str, is_served) -> Document:
    """Return a Markdown document as HTML. A link to a file is shown as plain text unless `is_served(path)`.

    Paths are relative to `folder` in the document, and to the root of the repository for `is_served`.
    """
    tokens = PARSER.parse(text)
    headings, links = [], []
    for token, inline in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == 'heading_open':
            headings.append(Heading(token.tag, fragment(inline.content), _text(inline.children)))
            token.attrSet('id', headings[-1].id)
        if token.type == 'inline':
            dead = [link for link in _links(token.children) if not _works(link[0].attrs['href'], folder, is_served)]
            links += [Link(_text(link), link[0].attrs['href']) for link in _links(token.children) if link not in dead]
            edges = [edge for link in dead for edge in (link[0], link[-1])]
            token.children = [child for child in token.children if not any(child is edge for edge in edges)]
    return Document(PARSER.renderer.render(tokens, PARSER.options, {}), headings, links)


def fragment(heading: str) -> str:
    """Return the fragment of a heading's address, made as the hosts of repositories make it."""
    return re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')


def _links(children):
    """Yield the links among the children of an inline token, each with all of its tokens."""
    starts = [index for index, child in enumerate(children) if child.type == 'link_open']
    ends = [index for index, child in enumerate(children) if child.type == 'link_close']
    for start, end in zip(starts, ends, strict=True):
        yield children[start : end + 1]


def _works(address, folder, is_served):
    path = address.partition('#')[0]
    return not path or bool(IS_EXTERNAL.match(path)) or is_served(posixpath.normpath(posixpath.join(folder, path)))


def _text(children):
    return ''.join(child.content for child in children if child.type in ('text', 'code_inline'))


def _parser():
    parser = MarkdownIt('commonmark').enable('table')
    # What is wide scrolls in a box of its own. Without `tabindex` the keyboard could not scroll it.
    parser.add_render_rule('table_open', lambda *_: '<div class="scroll" tabindex="0"><table>')
    parser.add_render_rule('table_close', lambda *_: '</table></div>')
    parser.add_render_rule('fence', lambda _, tokens, index, *__: _code(tokens[index].content))
    return parser


def _code(text):
    return f'<pre tabindex="0"><code>{escape(text)}</code></pre>\n'


PARSER = _parser()
