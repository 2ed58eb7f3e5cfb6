"""Trains data/text.json, the toy that continues a text: it counts which word followed which two in our guides.

Usage:
  python data/train_text.py

The text is README.md and docs/*.md of this project, in English, under the project's own licence (MIT). Code, tables
and headings are left out.
"""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

FOLDER = Path(__file__).parent
# A word, with its hyphens, dots inside and apostrophes, or a mark.
WORD = re.compile(r"[A-Za-z0-9]+(?:[-.'_/][A-Za-z0-9]+)*|[.,:;?!]")
# How many following words are kept for each pair of words.
MOST = 20


def main():
    pages = [FOLDER.parent / 'README.md', *sorted((FOLDER.parent / 'docs').glob('*.md'))]
    texts = [prose(page.read_text(encoding='utf-8')) for page in pages if '.zh-CN.' not in page.name]
    model = counted([WORD.findall(paragraph) for text in texts for paragraph in text])
    text = json.dumps(model, ensure_ascii=False, separators=(',', ':'), sort_keys=True)
    (FOLDER / 'text.json').write_text(text + '\n', encoding='utf-8')


def prose(page: str) -> list:
    """Return the paragraphs of a guide that are sentences."""
    page = re.sub(r'^ *```.*?^ *```$', '', page, flags=re.DOTALL | re.MULTILINE)
    page = re.sub(r'<!--.*?-->', '', page, flags=re.DOTALL)
    page = re.sub(r'!?\[([^]]*)\]\([^)]*\)', r'\1', page)
    blocks = re.split(r'\n\s*\n|\n(?=[-#|]|\d+\. )', page)
    return [re.sub(r'[*`]', '', block.lstrip('- ')) for block in blocks if not block.lstrip().startswith(('#', '|'))]


def counted(paragraphs) -> dict:
    """Return `{'words': [str], 'next': {'12 7': [[3, count], …]}}`, whose numbers stand for words; '' is the end."""
    numbers = defaultdict(lambda: len(numbers))
    numbers['']
    following = defaultdict(Counter)
    for paragraph in paragraphs:
        before = (0, 0)
        for word in [*(numbers[word] for word in paragraph), 0]:
            for known in (before, before[1:]):
                following[' '.join(map(str, known))][word] += 1
            before = (before[1], word)
    return {'words': list(numbers), 'next': {key: words.most_common(MOST) for key, words in following.items()}}


if __name__ == '__main__':
    main()
