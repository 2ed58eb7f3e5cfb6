"""Files as they are: forms and raw bodies, to the front and to Flask; broken ones are refused with the reason."""

import base64
import gzip
import hashlib
import json

import pytest

from tests.conftest import BASE_FOLDER, memory
from tests.web.nasty_forms import GOOD, NASTY_FORMS, TYPE

DATA = bytes(range(256)) * 100
SEEN = {'length': len(DATA), 'sha256': hashlib.sha256(DATA).hexdigest()}
FILE = ('photo.png', DATA, 'image/png')
FILES_MODELS = ('FileModel', 'FlaskModel')
MAX_MEMORY = 64 * 2**20


@pytest.fixture(scope='module')
def uploads(service_class, tmp_path_factory):
    """A service of one worker with the models of tests/fakes/uploads.py."""
    files = {'model_serving/routes.py': 'from tests.fakes.uploads import ROUTES as ROUTES\n'}
    environment = {'PYTHONPATH': str(BASE_FOLDER), 'WORKERS': '1'}
    one = service_class(tmp_path_factory.mktemp('uploads') / 'model serving', files, environment)
    with one.without_models() as running:
        yield running


def upload(service, model, **parts):
    """Send a form as `requests` makes it; a part is a text, or a file."""
    files = {name: part if isinstance(part, tuple) else (None, part) for name, part in parts.items()}
    return service.post(f'/v1/{model}', files=files)


def raw(service, model, content_type, data=DATA, **headers):
    return service.post(f'/v1/{model}', data=data, headers={'Content-Type': content_type, **headers})


def result(response):
    assert response.status_code == 200, response.text
    return response.json()['result']


@pytest.mark.parametrize('model', FILES_MODELS)
def test_a_file_in_a_form(uploads, model):
    assert result(upload(uploads, model, file=FILE, count='3')) == {'file': SEEN, 'count': 3}


@pytest.mark.parametrize('model', FILES_MODELS)
def test_curl(uploads, model, tmp_path):
    (tmp_path / 'a photo.png').write_bytes(DATA)
    url = f'{uploads.url}/v1/{model}'
    done = uploads.run('curl', '-s', '-F', f'file=@{tmp_path}/a photo.png', '-F', 'count=3', url)
    assert json.loads(done.stdout) == {'result': {'file': SEEN, 'count': 3}}


@pytest.mark.parametrize(
    ('name', 'text', 'value'),
    [
        ('ratio', '2.50', 2.5),
        ('ratio', 'null', None),
        ('note', '0123', '0123'),
        ('note', 'null', 'null'),
        ('note', '', ''),
        ('note', '范叶亮', '范叶亮'),
        ('flag', 'true', True),
        ('unit', 'mm', 'mm'),
        ('level', '2', 2),
        ('either', '2', 2),
        ('either', 'two', 'two'),
        ('box', '[1, 2]', [1, 2]),
        ('options', '{"a": {"b": 1}}', {'a': {'b': 1}}),
        # As Python's requests sends it.
        ('flag', 'True', True),
        # An item alone, as an HTML form sends it.
        ('box', '1', [1]),
        ('tags', '[draft]', ['[draft]']),
        ('tags', 'null', ['null']),
        ('maybe', 'null', None),
        ('maybe', '1', [1]),
        ('mixed', 'a', 'a'),
        ('mixed', '[1]', [1]),
        ('tags', '["a", "b"]', ['a', 'b']),
    ],
)
def test_the_schema_says_what_a_text_means(uploads, name, text, value):
    for model in FILES_MODELS:
        assert result(upload(uploads, model, file=FILE, count='3', **{name: text}))[name] == value


def test_a_part_may_be_a_file_with_json(uploads):
    box = ('box.json', b'[1, 2]', 'application/json')
    assert result(upload(uploads, 'FileModel', file=FILE, count='3', box=box))['box'] == [1, 2]


def test_a_file_may_be_base64_in_the_part_json(uploads):
    rest = json.dumps({'file': base64.b64encode(DATA).decode(), 'count': 3})
    assert result(upload(uploads, 'FileModel', json=rest))['file'] == SEEN


@pytest.mark.parametrize('text', ['a.png', 'cats', 'null', '', '["AAAA"]'])
def test_a_text_is_never_taken_for_a_file(uploads, text):
    for model, name in (('PairModel', 'back'), ('AlbumModel', 'images')):
        answer = (
            upload(uploads, model, front=FILE, **{name: text})
            if name == 'back'
            else upload(uploads, model, images=text)
        )
        assert answer.status_code == 400
        assert answer.json()['message'].startswith(
            f'{name}: is a text, and not a file. Send a file: curl -F {name}=@file'
        )


@pytest.mark.parametrize('model', FILES_MODELS)
def test_the_part_json_holds_the_rest(uploads, model):
    rest = json.dumps({'count': 3, 'note': 'Leo', 'box': [1]})
    assert result(upload(uploads, model, json=rest, file=FILE)) == {'count': 3, 'note': 'Leo', 'box': [1], 'file': SEEN}


def test_a_list_of_files(uploads):
    images = [('images', FILE), ('images', ('b.png', b'second'))]
    response = uploads.post('/v1/AlbumModel', files=images)
    assert [each['length'] for each in result(response)['images']] == [len(DATA), 6]
    assert result(uploads.post('/v1/AlbumModel', files=images[:1]))['images'] == [SEEN]


def test_an_array_may_be_sent_item_by_item(uploads):
    parts = [('file', FILE), ('count', (None, '3')), ('box', (None, '1')), ('box', (None, '2'))]
    assert result(uploads.post('/v1/FileModel', files=parts))['box'] == [1, 2]


def test_a_file_that_was_not_chosen_is_absent(uploads):
    body = GOOD.replace('name="file"; filename="a"', 'name="front"; filename="a"').replace('name=count', 'name=back')
    body = body.replace('name=back\r\n\r\n3', 'name=back; filename=""\r\n\r\n')
    assert list(result(raw(uploads, 'PairModel', TYPE, body))) == ['front']


@pytest.mark.parametrize(
    ('model', 'content_type'),
    [
        ('PictureModel', 'image/png'),
        ('PictureModel', 'Image/PNG; quality=1'),
        ('PictureModel', 'application/octet-stream'),
        ('ArticleModel', 'image/webp'),
        ('ForcedModel', 'multipart/form-data'),
    ],
)
def test_a_file_alone(uploads, model, content_type):
    if content_type.startswith('multipart'):
        answer = result(upload(uploads, model, file=FILE))
    else:
        answer = result(raw(uploads, model, content_type))
    assert list(answer.values()) == [SEEN]


def test_a_file_alone_with_gzip(uploads):
    answer = raw(uploads, 'PictureModel', 'image/png', gzip.compress(DATA), **{'Content-Encoding': 'gzip'})
    assert result(answer) == {'image': SEEN}


def test_an_answer_in_pieces(uploads):
    assert raw(uploads, 'PiecesModel', 'image/png').json() == {'image': SEEN}


@pytest.mark.parametrize('model', ['ForcedModel', 'ForcedAsyncModel'])
def test_force_takes_any_type_for_json(uploads, model):
    body = json.dumps({'file': base64.b64encode(DATA).decode()})
    assert result(raw(uploads, model, 'application/octet-stream', body)) == {'file': SEEN}
    assert result(upload(uploads, model, file=FILE)) == {'file': SEEN}


@pytest.mark.parametrize('content_type', ['application/json;charset=utf8', 'Application/JSON', 'application/json;'])
def test_json_is_never_taken_for_a_file(uploads, content_type):
    body = json.dumps({'file': base64.b64encode(DATA).decode()})
    assert result(raw(uploads, 'JSONFileModel', content_type, body)) == {'file': SEEN}


def test_a_file_whose_name_is_not_ascii(uploads):
    """Some clients send `filename*` alone."""
    body = GOOD.replace('filename="a"', "filename*=UTF-8''%C3%A9.txt").replace('\r\n\r\nx\r\n', '\r\n\r\nabcd\r\n')
    assert result(raw(uploads, 'FileModel', TYPE, body))['file']['length'] == 4


def test_keywords_beside_a_reference_count(uploads):
    assert result(upload(uploads, 'BesideModel', file=FILE)) == {'file': SEEN}


@pytest.mark.parametrize('host', ['xn--a', 'a b', '[::1', 'é'])
def test_an_odd_host_harms_no_error(uploads, host):
    answer = raw(uploads, 'PictureModel', 'text/csv', Host=host.encode())
    assert answer.status_code in (400, 415)
    assert answer.json()['message']


def test_an_own_error_of_a_handler_is_the_same_on_both_ways(uploads):
    front, flask = (upload(uploads, model, image=FILE) for model in ('AbortingModel', 'FlaskAbortingModel'))
    assert (front.status_code, front.text) == (400, flask.text)


FORM_AS = 'The body is a form, and not {}. Let your client set this header itself.'
NO_FILE = 'image: is a text, and not a file. Send a file: curl -F image=@file. Base64 belongs into the part json'


@pytest.mark.parametrize(
    ('content_type', 'data', 'message'),
    [
        ('image/png', GOOD, FORM_AS.format('image/png')),
        ('image/png; boundary=b0undary', GOOD, FORM_AS.format('image/png')),
        ('application/json', GOOD, FORM_AS.format('JSON as its Content-Type says')),
        (TYPE, GOOD.replace('; filename="a"', '').replace('"file"', '"image"'), NO_FILE),
    ],
)
def test_mistakes_of_clients_are_told(uploads, content_type, data, message):
    answer = raw(uploads, 'PictureModel', content_type, data)
    assert answer.status_code == 400
    assert answer.json()['message'] == message


def test_a_long_name_makes_no_long_error(uploads):
    answer = raw(uploads, 'FileModel', TYPE, GOOD.replace('"file"', f'"{chr(1) * 4000}"'))
    assert answer.status_code == 400
    assert len(answer.content) < 8192


@pytest.mark.parametrize(
    ('model', 'content_type', 'told'),
    [
        (
            'PictureModel',
            'text/csv',
            'Or send image in a form, or alone with a Content-Type of application/octet-stream or image/*.',
        ),
        ('PairModel', 'image/png', 'Or send front and back in a form.'),
        ('PairModel', 'application/octet-stream', 'Or send front and back in a form.'),
        ('AlbumModel', 'image/png', 'Or send images in a form.'),
        (
            'FileModel',
            'text/plain',
            'Or send file in a form, or alone with a Content-Type of application/octet-stream.',
        ),
        ('FileModel', 'application/x-www-form-urlencoded', 'alone with a Content-Type of application/octet-stream.'),
    ],
)
def test_a_type_that_fits_no_property_is_refused(uploads, model, content_type, told):
    answer = raw(uploads, model, content_type)
    assert answer.status_code == 415
    assert answer.json()['message'].endswith(told)
    assert answer.json()['command'].startswith('curl -F ')


@pytest.mark.parametrize('model', FILES_MODELS)
def test_json_of_any_name_is_json(uploads, model):
    body = json.dumps({'file': base64.b64encode(DATA).decode(), 'count': 3})
    assert result(raw(uploads, model, 'application/ld+json', body))['file'] == SEEN


def test_a_model_without_files_takes_none(uploads):
    answer = upload(uploads, 'XXXModel', name='Leo')
    message = 'Send JSON with the header Content-Type: application/json, not multipart/form-data.'
    assert (answer.status_code, answer.json()['message']) == (415, message)


def test_errors_name_the_field_and_show_a_command(uploads):
    for model in FILES_MODELS:
        answer = upload(uploads, model, file=FILE, count='0')
        assert answer.status_code == 400
        assert answer.json() == {
            'message': 'count: 0 is less than the minimum of 1',
            'errors': [{'path': 'count', 'message': '0 is less than the minimum of 1'}],
            'command': f'curl -F file=@file --form-string count=3 {uploads.url}/v1/{model}',
        }
    missing = upload(uploads, 'FileModel', file=FILE).json()['message']
    assert missing == "'count' is a required property"
    misspelt = upload(uploads, 'FileModel', fil=FILE, count='3').json()['message']
    assert misspelt.startswith("fil: is no part of this form. Did you mean 'file'? It has: file, count, ")


def test_the_command_of_an_error_works(uploads, tmp_path):
    command = upload(uploads, 'PictureModel', picture=FILE).json()['command']
    (tmp_path / 'picture.png').write_bytes(DATA)
    done = uploads.run('sh', '-c', f'cd "{tmp_path}" && {command.replace("curl", "curl -s")}')
    assert json.loads(done.stdout) == {'result': {'image': SEEN}}


def test_what_is_refused_for_its_encoding_is_no_matter_of_files(uploads):
    answer = raw(uploads, 'PictureModel', 'application/json', b'{}', **{'Content-Encoding': 'br'})
    assert answer.status_code == 415
    assert 'command' not in answer.json()


def test_no_body_is_told_as_ever(uploads):
    answer = raw(uploads, 'PictureModel', 'image/png', b'')
    assert (answer.status_code, answer.json()['message']) == (400, 'No JSON object')


@pytest.fixture(scope='module')
def answers(uploads):
    """The answers of the front and of Flask to each nasty form, by its name."""
    (worker,) = uploads.worker_pids
    before = memory(worker)
    found = {
        name: [raw(uploads, model, form[0], form[1].encode('latin-1')) for model in FILES_MODELS]
        for name, form in NASTY_FORMS.items()
    }
    found['memory'] = memory(worker) - before
    assert uploads.worker_pids == [worker]
    return found


@pytest.mark.parametrize('name', NASTY_FORMS)
def test_a_nasty_form(answers, name):
    _, _, status = (*NASTY_FORMS[name], 400)[:3]
    front, flask = answers[name]
    assert (front.status_code, flask.status_code) == (status, status)
    assert front.json()['message']
    assert front.text.replace('FileModel', 'FlaskModel') == flask.text
    assert len(front.content) < 8192


def test_after_nasty_forms_the_worker_is_well(uploads, answers):
    assert answers['memory'] < MAX_MEMORY
    assert result(raw(uploads, 'FileModel', TYPE, GOOD)) == {
        'file': {'length': 1, 'sha256': hashlib.sha256(b'x').hexdigest()},
        'count': 3,
    }
    assert 'Traceback' not in uploads.log
