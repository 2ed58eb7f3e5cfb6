"""For new-key.sh: makes a random key, and adds its line to the file of keys. Only the key goes to the output."""

import hashlib
import secrets
import sys
from pathlib import Path

BASE_FOLDER = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(BASE_FOLDER))

from model_serving.routes import ROUTES  # noqa: E402
from model_serving.serving.errors import StartError  # noqa: E402
from model_serving.utils.conf_utils import Conf  # noqa: E402
from model_serving.utils.kinds import KEY_NAME  # noqa: E402
from model_serving.web.keys import Keys, known_models, path_of  # noqa: E402

USAGE = 'Usage: bin/new-key.sh NAME [MODEL …], as in: bin/new-key.sh shop DigitsModel v2/WineModel'
NOTE = (
    'This is the key of {name}. It is not stored, so copy it now. '
    'From now on, a service that uses {path} asks its callers for a key.'
)
# In bytes. Nobody can guess it, so its plain SHA-256 is safe; in hexadecimal that takes one block.
LENGTH = 24


def add_key(name: str, models: list, conf: Conf, path: Path):
    """Print a new key, and add its line to a file; raises StartError for a mistake in either, and OSError."""
    try:
        KEY_NAME.read(name)
    except ValueError as error:
        raise StartError(f'The name {name!r} is not allowed: it must be {KEY_NAME.allowed}.') from error
    keys = Keys(path, known_models(ROUTES, conf))
    key = secrets.token_hex(LENGTH)
    line = ' '.join([name, hashlib.sha256(key.encode()).hexdigest(), *([','.join(models)] if models else [])])
    before = path.read_text(encoding='utf-8-sig') if path.exists() else ''
    keys.parsed(f'{before.rstrip()}\n{line}\n')
    print(key, flush=True)
    added = line if before.endswith('\n') or not before else f'\n{line}'
    with path.open('ab', buffering=0) as file:
        size = file.tell()
        try:
            if file.write(f'{added}\n'.encode()) <= len(added):
                raise OSError('The disk is full.')
        # Without half a line.
        except OSError:
            file.truncate(size)
            raise


def main(arguments):
    """Print a new key, or the reason why none was made."""
    if not arguments or arguments[0].startswith('-'):
        sys.exit(USAGE)
    name, *models = arguments
    try:
        conf = Conf()
        path = path_of(conf.serving['api_keys'])
        add_key(name, [model for text in models for model in text.split(',') if model], conf, path)
    except (StartError, OSError) as error:
        sys.exit(f'No key was made. {error}')
    print(NOTE.format(name=name, path=path), file=sys.stderr)


if __name__ == '__main__':
    main(sys.argv[1:])
