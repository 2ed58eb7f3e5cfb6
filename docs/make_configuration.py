"""Write configuration.md from the settings' own table: .venv/bin/python docs/make_configuration.py"""

import re
import sys
from pathlib import Path

DOCS_FOLDER = Path(__file__).resolve().parent
BASE_FOLDER = DOCS_FOLDER.parent
sys.path.insert(0, str(BASE_FOLDER))

from model_serving.utils.conf_utils import ENVIRONMENT_PREFIX  # noqa: E402
from model_serving.utils.settings import SETTINGS  # noqa: E402

TEXT = """\
<!-- Made by docs/make_configuration.py from the table SETTINGS in model_serving/utils/settings.py. -->

# Configuration

Nothing has to be configured. What can be stands in `conf/`, and is read once, when the service starts:

| file | holds |
|---|---|
| `serving.conf` | `[serving]`: the whole service; `[model]`: defaults for every model |
| any other `.conf` | `[model]` with the `name` of one model: its own settings, which go before the defaults |
| `logging.conf` | what is logged where ([its form](https://docs.python.org/3/library/logging.config.html)) |
| `gunicorn.conf.py` | the settings of the web server |

A file of a model looks like this; its own name does not matter:

```ini
[model]
name = XXXModel
timeout = 3
max_body = 64 KiB
```

Each setting can also be given by an environment variable; `<NAME>` is the model's name in capitals. The first of these
that is there counts: `MODEL_SERVING_<NAME>_…`, `MODEL_SERVING_MODEL_…`, the model's file, `serving.conf`, the default.

```sh
WORKERS=1 MODEL_SERVING_MODEL_TIMEOUT=10 MODEL_SERVING_XXXMODEL_MAX_BODY='64 KiB' bin/start.sh
```

A setting that does not exist, or a value that it cannot have, stops the start with one line: which file, which key,
what is allowed. An unknown variable that starts with `MODEL_SERVING_` gets a warning in the log.

## The server

Environment variables alone, read by `conf/gunicorn.conf.py`:

{server}

`OMP_NUM_THREADS`, `OPENBLAS_NUM_THREADS` and `MKL_NUM_THREADS` are set to the cores that the service may use, divided
by the workers, unless you set them. `PYTHON` says which Python `bin/start.sh` makes `.venv` with.

## The service: section `[serving]` of `serving.conf`

{serving}

## Models: section `[model]`

In `serving.conf` for all models, in the file of a model for that one:

{model}

## One model: section `[model]` of its own file

{own}

Two more sections of that file give the inputs and the outputs of a model file other names, `ours = the file's`:

```ini
[inputs]
image = serving_default_input_2:0

[outputs]
price = output_0
```
"""

SERVER = {
    'HOST': 'The address to listen at; `127.0.0.1` lets only this machine in, `0.0.0.0` only callers by IPv4.',
    'PORT': 'The port to listen at.',
    'WORKERS': 'How many processes answer requests.',
    'THREADS': 'How many `def` handlers of each model each of them runs at the same time.',
}


def document() -> str:
    """Return what configuration.md has to hold."""
    general = [setting for setting in SETTINGS if not setting.only_own]
    return TEXT.format(
        server=table(('variable', 'value', 'default', 'meaning'), server_rows()),
        serving=settings_table(setting for setting in general if setting.section == 'serving'),
        model=settings_table(setting for setting in general if setting.section == 'model'),
        own=settings_table(setting for setting in SETTINGS if setting.only_own),
    )


def settings_table(settings) -> str:
    header = ('key', 'value', 'default', 'meaning', 'environment')
    return table(header, ([f'`{setting.key}`', *described(setting)] for setting in settings))


def described(setting):
    """Yield what a value may be, the default, the meaning and the environment variables."""
    yield setting.kind.allowed
    yield f'`{setting.default}`' if setting.default else 'none'
    yield setting.meaning.replace('<', r'\<')
    sections = ['SERVING'] if setting.section == 'serving' else ['<NAME>'] if setting.only_own else ['MODEL', '<NAME>']
    yield '<br>'.join(f'`{ENVIRONMENT_PREFIX}{section}_{setting.key.upper()}`' for section in sections)


def server_rows():
    """Yield the variables of gunicorn.conf.py with their defaults, as they stand there."""
    source = (BASE_FOLDER / 'conf' / 'gunicorn.conf.py').read_text(encoding='utf-8')
    yield '`HOST`', 'an address or a name', 'all addresses, IPv4 and IPv6', SERVER['HOST']
    for name, default, most in re.findall(r"_number\('(\w+)', '(\d+)', (\d+)\)", source):
        yield f'`{name}`', f'a whole number from 1 to {most}', f'`{default}`', SERVER[name]


def table(header, rows) -> str:
    lines = [header, ['---'] * len(header), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


if __name__ == '__main__':
    (DOCS_FOLDER / 'configuration.md').write_text(document(), encoding='utf-8')
