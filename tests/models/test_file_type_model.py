import base64
import io
import json
import sqlite3
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = pytest.mark.examples


def zip_file():
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as archive:
        archive.writestr('hello.txt', 'Hello, Leo!')
    return file.getvalue()


def picture_file(kind):
    from PIL import Image

    file = io.BytesIO()
    Image.linear_gradient('L').convert('RGB').save(file, kind)
    return file.getvalue()


def database_file(folder):
    connection = sqlite3.connect(folder / 'a.db')
    connection.execute('CREATE TABLE people (name TEXT)')
    connection.commit()
    connection.close()
    return (folder / 'a.db').read_bytes()


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    return {
        'python': Path(__file__).read_bytes(),
        'zip': zip_file(),
        'png': picture_file('PNG'),
        'jpeg': picture_file('JPEG'),
        'pdf': picture_file('PDF'),
        'sqlite': database_file(tmp_path_factory.mktemp('database')),
        'json': json.dumps([{'name': 'Leo', 'number': number} for number in range(30)]).encode(),
        'empty': b'',
    }


def post(service, file):
    return service.post('/v1/FileTypeModel', json={'file': base64.b64encode(file).decode()})


def test_files_of_many_kinds(service, files):
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda file: post(service, file), files.values()))
    assert [answer.json()['result']['type'] for answer in answers] == list(files)


def test_the_result_says_what_the_type_is(service, files):
    result = post(service, files['zip']).json()['result']
    assert result['score'] > 0.9
    del result['score']
    assert result == {
        'type': 'zip',
        'group': 'archive',
        'mime': 'application/zip',
        'description': 'Zip archive data',
    }


def test_what_is_not_base64_is_the_clients_mistake(service):
    answer = service.post('/v1/FileTypeModel', json={'file': 'data:text/plain;base64,YWJj'})
    assert answer.status_code == 400
    (error,) = answer.json()['errors']
    assert error['path'] == 'file'
    assert 'not base64' in error['message']


def test_only_the_caller_of_a_bad_instance_is_refused(service, files):
    bodies = [{'file': base64.b64encode(files['zip']).decode()}, {'file': '?'}] * 40
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda body: service.post('/v1/FileTypeModel', json=body), bodies))
    assert [answer.status_code for answer in answers] == [200, 400] * 40


def test_a_file_of_six_megabytes_fits_and_one_of_seven_does_not(service, files):
    large = files['zip'] + bytes(6_000_000)
    assert post(service, large).status_code == 200
    assert post(service, large + bytes(1_000_000)).status_code == 413


def test_known_weaknesses(service):
    """What docs/models.md says of them."""
    text = '这是一个模型服务的例子。' * 20
    files = [b'print("hi")\n', b'import os\n', text.encode('gbk'), text.encode('utf-16'), text.encode()]
    types = [post(service, file).json()['result']['type'] for file in files]
    assert types == ['lua', 'txt', 'unknown', 'unknown', 'txt']
