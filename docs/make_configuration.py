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

The service works without any configuration. All settings are in `conf/`, and are read once, when the service starts:

| file | holds |
|---|---|
| `serving.conf` | `[serving]`: the whole service; `[model]`: defaults for every model |
| any other `.conf` | `[model]` with the `name` of one model: its own settings, which override the defaults |
| `logging.conf` | the format and the destination of [the log](https://docs.python.org/3/library/logging.config.html) |
| `gunicorn.conf.py` | the settings of the server |

The file of a model looks like this. It belongs to the model whose URL ends with its `name`, here `/v1/XXXModel`. You
may name the file itself as you like, if its name ends with `.conf`:

```ini
[model]
name = XXXModel
timeout = 3
max_body = 64 KiB
```

A comment needs a line of its own, which begins with `#`. After a value it would be a part of the value, and so would
quotes. A path may begin with `~`, the home folder of the user who runs the service.

You can also set everything by environment variables, where `<NAME>` is the model's name in capitals. If a setting is in
several places, the first of these counts: `MODEL_SERVING_<NAME>_…`, `MODEL_SERVING_MODEL_…`, the model's file,
`serving.conf`, the default.

```sh
WORKERS=1 MODEL_SERVING_MODEL_TIMEOUT=10 MODEL_SERVING_XXXMODEL_MAX_BODY='64 KiB' bin/start.sh
```

If a setting in a file does not exist, or a value is not allowed, the service does not start, and says which file, which
key and what is allowed. For an unknown variable that begins with `MODEL_SERVING_` there is a warning in the log.
Passwords and tokens do not belong in these files, but their variables do: `${{HUB_TOKEN}}`. See [secrets](secrets.md).

## The server

These are environment variables only:

{server}

Unless you set them, `OMP_NUM_THREADS`, `OPENBLAS_NUM_THREADS` and `MKL_NUM_THREADS` become the number of cores that the
service may use, divided by `WORKERS`. `PYTHON` is the Python from which `bin/start.sh` makes `.venv`.

## The service: section `[serving]` of `serving.conf`

{serving}

## Models: section `[model]`

In `serving.conf` for all models, in the file of a model for that one:

{model}

## One model: section `[model]` of its own file

{own}

Two more sections of the file rename the inputs and outputs of a model file: `new name = name in the file`.

```ini
[inputs]
image = serving_default_input_2:0

[outputs]
price = output_0
```

A model that is a class has the section `[params]`: the parameters of its `__init__`, by their own names. See
[settings of its own](add-a-model.md#settings-of-its-own).

```ini
[params]
threshold = 0.5
token = ${{HUB_TOKEN}}
```

`${{HUB_TOKEN}}` stands for the value of an environment variable, which is [kept secret](secrets.md). It may be a part
of a value, as in `Bearer ${{HUB_TOKEN}}`.

By an environment variable: `MODEL_SERVING_<NAME>_PARAMS_<KEY>`, both in capitals. Such a value is not hidden.
"""

SERVER = {
    'HOST': 'The address to listen at; `127.0.0.1` lets only this machine in, `0.0.0.0` only callers by IPv4.',
    'PORT': 'The port to listen at; unless it is set, `AIP_HTTP_PORT`, which Vertex AI sets.',
    'WORKERS': 'How many processes answer requests.',
    'THREADS': 'How many `def` handlers of each model run at the same time in each process.',
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
    for name, default, most in re.findall(r"_number\((?:'(\w+)'|_port), '(\d+)', (\d+)\)", source):
        name = name or 'PORT'
        yield f'`{name}`', f'a whole number from 1 to {most}', f'`{default}`', SERVER[name]


def table(header, rows) -> str:
    lines = [header, ['---'] * len(header), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


if __name__ == '__main__':
    (DOCS_FOLDER / 'configuration.md').write_text(document(), encoding='utf-8')
