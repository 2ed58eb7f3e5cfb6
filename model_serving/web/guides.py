"""The guides of docs/ and the README as pages. The URL of each is its path in the repository, so their links work."""

import posixpath
import re
from functools import cache
from pathlib import Path

from flask import Response, redirect
from flask_restful import Resource
from jinja2 import Template
from werkzeug.exceptions import NotFound

from ..utils.conf_utils import BASE_FOLDER
from . import markdown

INDEX = 'docs/guides.md'
NO_GUIDE = f'There is no such guide. /{INDEX} lists them all.'
# The files that a guide may link to. Others of the repository are not served.
SERVED = re.compile(r'README\.md|docs/[\w.-]{1,99}\.md|docs/benchmarks\.svg|docs/images/[\w.-]{1,99}')
TEMPLATE = Template(Path(__file__).with_name('guide.html').read_text(encoding='utf-8'), autoescape=True)
# What the page itself says, by language.
WORDS = {
    'en': {'skip': 'Skip to the guide', 'models': 'Models', 'guides': 'Guides', 'contents': 'On this page'},
    'zh-CN': {'skip': '跳到正文', 'models': '模型', 'guides': '使用指南', 'contents': '本页内容'},
}


class GuidePage(Resource):
    """A guide, `docs/<name>.md`, or else the README; with the `headers` of the page."""

    undocumented = True

    def __init__(self, headers):
        self._headers = headers

    def get(self, name=None):
        text = page(f'docs/{name}.md' if name else 'README.md')
        return Response(text, mimetype='text/html', headers=self._headers)


class GuideBesideThePage(Resource):
    """`/call.md`, to which the page links, since the guides are beside it on a static host."""

    undocumented = True

    def get(self, name):
        if not is_served(f'docs/{name}.md'):
            raise NotFound(NO_GUIDE)
        return redirect(f'docs/{name}.md')


def is_served(path: str) -> bool:
    """Tell whether a file of the repository is one that guides may link to, and is there."""
    return bool(SERVED.fullmatch(path)) and (BASE_FOLDER / path).is_file()


# Once for each guide: they do not change while the service runs.
@cache
def page(path: str) -> str:
    """Return the guide at a path of the repository as a whole page; raises NotFound."""
    if not is_served(path):
        raise NotFound(NO_GUIDE)
    guide = _document(path)
    language = 'zh-CN' if path.endswith('.zh-CN.md') else 'en'
    root = '../' * path.count('/')
    return TEMPLATE.render(
        guide=guide,
        chapters=[heading for heading in guide.headings if heading.level in ('h2', 'h3')],
        others=_document(INDEX).links,
        here=posixpath.relpath(path, 'docs'),
        root=root,
        language=language,
        **WORDS[language],
    )


@cache
def _document(path):
    text = (BASE_FOLDER / path).read_text(encoding='utf-8')
    return markdown.to_html(text, path.rpartition('/')[0], is_served)
