"""Make what all peers load, and what they must answer: tmp/bench/forest.joblib and tmp/bench/cases.json."""

import json
import random
import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

sys.path.insert(0, str(Path(__file__).parent / 'shared'))

from served import FOREST_FILE, Digits, Forest

SEED = 20181019
BODY = 1_000_000


def train():
    """Write the forest of 100 trees, trained on all digits but the last ten; returns these ten."""
    pixels, digits = load_digits(return_X_y=True)
    forest = RandomForestClassifier(n_estimators=100, n_jobs=1, random_state=SEED)
    forest.fit(pixels[:-10], digits[:-10])
    FOREST_FILE.parent.mkdir(parents=True, exist_ok=True)
    joblib.dump(forest, FOREST_FILE)
    return pixels[-10:]


def numbers(size) -> list:
    """Return numbers whose JSON object is `size` bytes at most; quarters, so that their sum is exact in any order."""
    dice = random.Random(SEED)
    count = (size - len('{"numbers": []}')) // len('123.25, ')
    return [dice.randrange(100, 1000) + dice.choice((0.25, 0.75)) for _ in range(count)]


def cases(held_out) -> dict:
    """Return pairs of instance and answer for each workload."""
    forest = [{'pixels': row.tolist()} for row in held_out]
    digits = [{'image': row.reshape(8, 8).tolist()} for row in held_out]
    sums = [{'numbers': numbers(BODY)}, {'numbers': [1.5, 2.25]}]
    greetings = [({'name': name}, f'Hello, {name}!') for name in ('Leo', 'Ada', 'Zoë', 'Grace')]
    return {
        'hello': greetings,
        'many': greetings,
        'forest': list(zip(forest, Forest().predict(forest), strict=True)),
        'digits': list(zip(digits, Digits().predict(digits), strict=True)),
        'numbers': [(instance, sum(instance['numbers'])) for instance in sums],
    }


if __name__ == '__main__':
    held_out = train()
    (FOREST_FILE.parent / 'cases.json').write_text(json.dumps(cases(held_out)))
