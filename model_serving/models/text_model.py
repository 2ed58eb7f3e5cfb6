import json
import logging
import random
import re
import time
from pathlib import Path

from ..utils.conf_utils import BASE_FOLDER

LOGGER = logging.getLogger('TextModel')
MARKS = set('.,:;?!')


class TextModel:
    """Continues a text, word by word: a toy that data/train_text.py trained on the guides of this project.

    `pause` is how many seconds it waits before each word, as a real model would take.
    """

    # It holds only Python objects, so the workers may share one copy.
    load_before_fork = True

    def __init__(self, model_file: Path = BASE_FOLDER / 'data' / 'text.json', pause: float = 0.0):
        LOGGER.info('Initializing Text Model ...')
        model = json.loads(model_file.read_text(encoding='utf-8'))
        self._words, self._next, self._pause = model['words'], model['next'], pause
        self._numbers = {word.lower(): number for number, word in reversed(list(enumerate(self._words)))}
        LOGGER.info('Text Model Initialized.')

    def stream(self, instance):
        """Yield `{'text': str}` for each word after `{'prompt': str, 'words': int, 'seed': int}`.

        It ends after so many words, 40 unless `words` says, and where a paragraph ends, the next one begins. The same
        `seed` gives the same text.
        """
        # An integer of JSON may be written as 3.0.
        chance, words = random.Random(instance.get('seed')), int(instance.get('words', 40))
        known = re.findall(r"[\w'-]+|[.,:;?!]", instance['prompt'].lower())[-2:]
        before = [0, 0, *(self._numbers.get(word, 0) for word in known)][-2:]
        for _ in range(words):
            time.sleep(self._pause)
            number = self._drawn(before, chance)
            # The word 0 is the end of a paragraph, and what comes before the first word.
            before = [before[1], number] if number else [0, 0]
            word = self._words[number]
            yield {'text': f' {word}' if word and word not in MARKS else word or '\n\n'}

    def _drawn(self, before, chance):
        """Return a word that followed the two before it, or only the last one, or that began a text."""
        two, one = ' '.join(map(str, before)), str(before[1])
        words, counts = zip(*(self._next.get(two) or self._next.get(one) or self._next['0 0']), strict=True)
        return chance.choices(words, counts)[0]
