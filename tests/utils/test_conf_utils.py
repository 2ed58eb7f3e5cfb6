"""Settings: what is read from where, and the one line that says what is wrong with them."""

from ipaddress import ip_network

import pytest

from model_serving.serving import secrets
from model_serving.serving.errors import StartError
from model_serving.utils.conf_file import THERE_ARE
from model_serving.utils.conf_utils import Conf


def conf(folder, files, **environ):
    """Read settings from files that are written to a folder, and from an environment."""
    for name, content in files.items():
        (folder / name).write_text(content, encoding='latin-1')
    return Conf(folder, environ)


def test_the_environment_goes_over_the_models_file_and_that_over_the_general_one(tmp_path):
    files = {
        'serving.conf': '[serving]\npage=0\nmax_body = 2 KiB\n[model]\ntimeout = 7\nmax_queue = 8\nmax_body = 3 KiB\n',
        'a.conf': '[model]\nname = AModel\nmax_queue = 9\nmax_body = 4 KiB\n',
    }
    settings = conf(tmp_path, files, MODEL_SERVING_AMODEL_MAX_BODY='5 KiB', MODEL_SERVING_MODEL_MAX_BATCH_SIZE='6')
    assert (settings.serving['max_body'], settings.serving['page']) == (2048, False)
    a, other = settings.model('AModel'), settings.model('OtherModel')
    assert [a[key] for key in ('timeout', 'max_queue', 'max_body', 'max_batch_size')] == [7, 9, 5120, 6]
    assert [other[key] for key in ('timeout', 'max_queue', 'max_body', 'max_batch_size')] == [7, 8, 3072, 6]


def test_a_path_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', '/home/leo')
    settings = conf(tmp_path, {'a.conf': '[model]\nname = AModel\nfile = ~/a.onnx\nschema = a/~/b\n'}).model(
        'AModel', 1
    )
    assert (settings['file'], settings['schema']) == ('/home/leo/a.onnx', 'a/~/b')


def test_a_byte_order_mark_is_no_obstacle(tmp_path):
    assert conf(tmp_path, {'serving.conf': '\xef\xbb\xbf[serving]\nmax_body = 64 KiB\n'}).serving['max_body'] == 65536


@pytest.mark.parametrize(
    'content, reason',
    [
        ('[serving]\npage = maybe\n', "[serving] page = 'maybe': it must be on or off, yes or no."),
        ('[model]\non_error = nonsense\n', "[model] on_error = 'nonsense': it must be stop or skip."),
        ('[model]\ntimeout = 86401\n', "[model] timeout = '86401': it must be a number of seconds above 0"),
        ('[model]\ntimeout = nan\n', "[model] timeout = 'nan': it must be a number of seconds above 0"),
        ('[model]\nmax_body = 0\n', "[model] max_body = '0': it must be a number of bytes above 0, such as"),
        ('[model]\ntimout = 3\n', "[model] unknown setting timout. Did you mean 'timeout'?"),
        ('[models]\n', f"unknown section [models]. Did you mean 'model'? {THERE_ARE}"),
        ('[ ]\n', f'unknown section [ ]. {THERE_ARE}'),
        ('[DEFAULT]\ntimeout = 3\n', f'unknown section [DEFAULT]. {THERE_ARE}'),
        ('[]\n', f'line 1: [] does not name a section. {THERE_ARE}'),
        ('[model]\n[]\n', f'line 2: [] does not name a section. {THERE_ARE}'),
        ('[model\n', f'line 1: [model does not name a section. {THERE_ARE}'),
        ('# defaults\ntimeout = 3\n', 'line 2: timeout = 3 stands above the first section. Write [model] above it.'),
        ('[model]\ntimeout 3\n', 'line 2: timeout 3 does not have the form key = value.'),
        ('[model]\nname = A\n', '[model] name = A: the settings of one model belong in a .conf file of their own.'),
        ('[inputs]\na = b\n', '[inputs] belongs in the .conf file of its model.'),
        ('[model]\ntimeout = 3\n\ntimeout = 4\n', 'line 4: [model] has timeout already. Delete one of the two.'),
        ('[model]\n[serving]\n[model]\n', 'line 3: [model] is there already. Make one section of the two.'),
        (
            '[model]\ntimeout = 5  # five\n',
            "[model] timeout = '5  # five': it must be a number of seconds above 0 and at most 86400. "
            'A comment needs a line of its own.',
        ),
        (
            '[serving]\npage = "on"\n',
            '[serving] page = \'"on"\': it must be on or off, yes or no. Write it without quotes.',
        ),
        *(
            (f'[serving]\ncors_origins = {text}\n', f'[serving] cors_origins = {text!r}: it must be *, or origins such')
            for text in ('a.example', 'https://a.example/', 'https://*.a.example', 'ftp://a.example', 'https://a:b')
        ),
        *(
            (f'[serving]\ntrusted_proxies = {text}\n', f'{text!r}: it must be how many proxies there are, or their')
            for text in ('-1', '100', '1.5', 'nginx', '10.0.0.0/33', '127.0.0.1 x', '1, 2')
        ),
        *(
            (f'[serving]\nrate_limit_storage = {text}\n', f'{text!r}: it must be memory, or the URL of a Redis, such')
            for text in (
                'disk',
                'redis',
                'redis://',
                'http://localhost:6379',
                'redis://localhost:port',
                'redis://[::1',
                'redis://redis/0',
                'redis://redis:6379/0?db=1',
                'redis://redis:6379/cache',
            )
        ),
        ('[serving]\nrate_limit_failure = maybe\n', "rate_limit_failure = 'maybe': it must be allow or refuse."),
        ('[model]\nrate_limit = 0/minute\n', "[model] rate_limit = '0/minute': it must be none, or numbers of"),
        ('[model]\ntimeout = \xff\n', 'byte 18 is not UTF-8. Save the file as UTF-8.'),
    ],
)
def test_what_is_wrong_is_one_line_with_the_file(tmp_path, content, reason):
    with pytest.raises(StartError) as error:
        conf(tmp_path, {'serving.conf': content}).model('AModel')
    message = str(error.value)
    assert message.startswith(f'{tmp_path}/serving.conf: ')
    assert reason in message
    assert '\n' not in message


@pytest.mark.parametrize(
    'key, text, value',
    [
        ('cors_origins', '*', ['*']),
        (
            'cors_origins',
            'https://A.example, http://b.example:8080\n null',
            ['https://a.example', 'http://b.example:8080', 'null'],
        ),
        ('trusted_proxies', '0', 0),
        ('trusted_proxies', '2', 2),
        (
            'trusted_proxies',
            '127.0.0.1, 10.1.2.3/8 ::1',
            [ip_network(each) for each in ('127.0.0.1/32', '10.0.0.0/8', '::1/128')],
        ),
        ('rate_limit_storage', 'memory', 'memory'),
        ('rate_limit_storage', 'rediss://user:pass@cache.example:6380/1', 'rediss://user:pass@cache.example:6380/1'),
        ('rate_limit_failure', 'refuse', 'refuse'),
    ],
)
def test_settings_of_who_may_call(tmp_path, key, text, value):
    assert conf(tmp_path, {'serving.conf': f'[serving]\n{key} = {text}\n'}).serving[key] == value


@pytest.mark.parametrize(
    'url',
    [
        'redis://:Top%2FSecret@localhost:port',
        'redis://:Top/Secret@localhost',
        'redis://leo:Top/Secret@localhost:6379/0',
        'redis:/:Top/Secret@localhost',
        'leo:Top/Secret@localhost:6379',
        'http://leo:Top/Secret@localhost',
    ],
)
def test_a_mistake_in_the_url_of_redis_does_not_show_its_password(url):
    with pytest.raises(StartError) as error:
        Conf('nowhere', {'MODEL_SERVING_SERVING_RATE_LIMIT_STORAGE': url})
    assert 'Secret' not in secrets.hidden(str(error.value))
    # And what an error of the connection says later.
    assert secrets.hidden('with Top/Secret or Top%2FSecret') == 'with *** or ***'


NO_NAME = 'it names no model. Write [model] and name = … into it. Defaults for all models belong in serving.conf.'


@pytest.mark.parametrize(
    'content, reason',
    [
        ('', 'it is empty. Write [model] and name = … into it, or delete it.'),
        ('# name = AModel\n', 'it is empty. Write [model] and name = … into it, or delete it.'),
        ('[model]\n', NO_NAME),
        ('[model]\nname =\n', NO_NAME),
        ('[model]\ntimeout = 3\n', NO_NAME),
        ('[inputs]\na = b\n', NO_NAME),
        ('[serving]\npage = on\n', '[serving] belongs in serving.conf.'),
    ],
)
def test_a_models_file_without_a_model_is_told_what_is_missing(tmp_path, content, reason):
    with pytest.raises(StartError) as error:
        conf(tmp_path, {'a.conf': content})
    assert str(error.value) == f'{tmp_path}/a.conf: {reason}'


FIX = 'Correct the name, add file = … for a model file, or delete this file.'


@pytest.mark.parametrize(
    'name, reason',
    [
        ('AMdel', f"routes.py has no such model. Did you mean 'AModel'? {FIX}"),
        ('Quite', f'routes.py has no such model. {FIX}'),
        # Only the word Model is alike.
        ('ZzzzModel', f'routes.py has no such model. {FIX}'),
        ('FileModel', 'b.conf has the same name and says which file is served. Write these settings there.'),
    ],
)
def test_settings_of_a_model_that_is_not_there(tmp_path, name, reason):
    files = {'a.conf': f'[model]\nname = {name}\n', 'b.conf': '[model]\nname = FileModel\nfile = a.onnx\n'}
    with pytest.raises(StartError) as error:
        conf(tmp_path, files).check_names([('AModel', None)])
    assert str(error.value) == f'{tmp_path}/a.conf: [model] name = {name}: {reason}'


def test_an_empty_general_file_is_none(tmp_path):
    assert conf(tmp_path, {'serving.conf': ''}).serving == Conf(tmp_path / 'nowhere', {}).serving


def test_a_file_that_can_not_be_read(tmp_path):
    # Even root cannot read a link to itself.
    (tmp_path / 'serving.conf').symlink_to('serving.conf')
    with pytest.raises(StartError, match=r'serving\.conf cannot be read: Too many levels of symbolic links\.$'):
        Conf(tmp_path, {})


def test_a_bad_variable(tmp_path):
    with pytest.raises(StartError, match=r"^MODEL_SERVING_AMODEL_MAX_QUEUE = '-1': it must be a whole number"):
        conf(tmp_path, {}, MODEL_SERVING_AMODEL_MAX_QUEUE='-1').model('AModel')
