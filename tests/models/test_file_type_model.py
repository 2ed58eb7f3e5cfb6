import io
import json
import sqlite3
import zipfile
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.formats.answers import concurrently, predict

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


def database_file():
    with sqlite3.connect(':memory:') as connection:
        connection.execute('CREATE TABLE people (name TEXT)')
        return connection.serialize()


def instance(file):
    return {'file': b64encode(file).decode()}


def test_files_of_many_kinds(service):
    files = {
        'python': Path(__file__).read_bytes(),
        'zip': zip_file(),
        'png': picture_file('PNG'),
        'jpeg': picture_file('JPEG'),
        'pdf': picture_file('PDF'),
        'sqlite': database_file(),
        'json': json.dumps([{'name': 'Leo', 'number': number} for number in range(30)]).encode(),
        'empty': b'',
    }
    results = concurrently(service, 'FileTypeModel', map(instance, files.values()))
    assert [result['type'] for result in results] == list(files)
    of_zip = results[1]
    assert of_zip.pop('score') > 0.9
    about = {'group': 'archive', 'mime': 'application/zip', 'description': 'Zip archive data'}
    assert of_zip == {'type': 'zip', **about}


def test_only_the_caller_of_what_is_not_base64_is_refused(service):
    bodies = [instance(zip_file()), {'file': 'data:text/plain;base64,YWJj'}] * 40
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda body: service.post('/v1/FileTypeModel', json=body), bodies))
    assert [answer.status_code for answer in answers] == [200, 400] * 40
    (error,) = answers[1].json()['errors']
    assert (error['path'], 'not base64' in error['message']) == ('file', True)


@pytest.mark.parametrize('size, status', [(6_000_000, 200), (7_000_000, 413)])
def test_a_file_of_six_megabytes_fits_and_one_of_seven_does_not(service, size, status):
    assert service.post('/v1/FileTypeModel', json=instance(zip_file() + bytes(size))).status_code == status


def test_known_weaknesses(service):
    """What docs/models.md says of them."""
    text = '这是一个模型服务的例子。' * 20
    files = [b'print("hi")\n', b'import os\n', text.encode('gbk'), text.encode('utf-16'), text.encode()]
    types = [predict(service, 'FileTypeModel', instance(file))['type'] for file in files]
    assert types == ['lua', 'txt', 'unknown', 'unknown', 'txt']
