"""The Open Inference Protocol over HTTP: what is accepted, what is refused, and with which words."""

import gzip
import json
import struct
import zlib

import numpy as np
import pytest

from tests.conftest import BASE_FOLDER

IMAGE = np.arange(64).reshape(1, 8, 8) % 17
DIGITS, WINE, NAMES = (f'/v2/models/{name}/infer' for name in ('DigitsModel', 'WineModel', 'XXXModel'))


def tensor(data, name='image', shape=None, datatype='FP32', **more):
    array = np.asarray(data)
    shape = list(array.shape) if shape is None else shape
    return {'name': name, 'shape': shape, 'datatype': datatype, 'data': array.ravel().tolist(), **more}


def request(*inputs, **more):
    return {'inputs': list(inputs), **more}


def binary(inputs, *pieces, **more):
    """Return the options of a request with binary data, as Triton's clients send it."""
    envelope = json.dumps({'inputs': inputs, **more}).encode()
    headers = {'Inference-Header-Content-Length': str(len(envelope)), 'Content-Type': 'application/octet-stream'}
    return {'data': envelope + b''.join(pieces), 'headers': headers}


def of_binary(answer):
    """Return the JSON of an answer and the bytes behind it."""
    length = int(answer.headers['Inference-Header-Content-Length'])
    return json.loads(answer.content[:length]), answer.content[length:]


def outputs_of(answer):
    assert answer.status_code == 200, answer.text
    return {output['name']: output['data'] for output in answer.json()['outputs']}


@pytest.fixture(scope='module')
def expected(service):
    return service.post('/v1/DigitsModel', {'image': IMAGE[0].tolist()}).json()['result']


@pytest.mark.parametrize('datatype', ['FP16', 'FP32', 'FP64', 'INT8', 'UINT8', 'INT64', 'UINT64'])
@pytest.mark.parametrize('is_binary', [False, True])
def test_each_datatype_gives_the_same_numbers(service, expected, datatype, is_binary):
    if is_binary:
        dtype = {'FP': 'f', 'IN': 'i', 'UI': 'u'}[datatype[:2]] + str(int(datatype.lstrip('UINTFP')) // 8)
        data = IMAGE.astype(f'<{dtype}').tobytes()
        head = {'name': 'image', 'shape': [1, 8, 8], 'datatype': datatype}
        options = binary([{**head, 'parameters': {'binary_data_size': len(data)}}], data)
    else:
        options = {'json': request(tensor(IMAGE, datatype=datatype))}
    outputs = outputs_of(service.post(DIGITS, **options))
    assert outputs == {'digit': [expected['digit']], 'probabilities': expected['probabilities']}


def test_binary_outputs(service, expected):
    asked = [{'name': 'probabilities', 'parameters': {'binary_data': True}}, {'name': 'digit'}]
    answer, tail = of_binary(service.post(DIGITS, request(tensor(IMAGE), outputs=asked)))
    first, second = answer['outputs']
    assert first['parameters'] == {'binary_data_size': 80}
    assert np.frombuffer(tail, '<f8').tolist() == expected['probabilities']
    assert second == {'name': 'digit', 'datatype': 'INT64', 'shape': [1], 'data': [expected['digit']]}


def test_texts_in_bytes(service):
    texts = ['范叶亮', '']
    data = b''.join(struct.pack('<I', len(text.encode())) + text.encode() for text in texts)
    head = {'name': 'name', 'shape': [2], 'datatype': 'BYTES', 'parameters': {'binary_data_size': len(data)}}
    answer, tail = of_binary(service.post(NAMES, **binary([head], data, parameters={'binary_data_output': True})))
    greetings = [f'Hello, {text}!'.encode() for text in texts]
    assert tail == b''.join(struct.pack('<I', len(each)) + each for each in greetings)
    assert answer['outputs'][0]['shape'] == [2]


def test_the_id_comes_back_and_unknown_parameters_are_ignored(service):
    asked = request(tensor(IMAGE, parameters={'content_type': 'np'}), id='42', parameters={'priority': 1})
    answer = service.post('/v2/models/DigitsModel/versions/1/infer', asked).json()
    assert (answer['id'], answer['model_name'], answer['model_version']) == ('42', 'DigitsModel', '1')


def test_null_for_what_is_not_there(service, expected):
    asked = request(tensor(IMAGE, parameters=None), id=None, parameters=None, outputs=None)
    answer = service.post(DIGITS, asked)
    assert outputs_of(answer)['digit'] == [expected['digit']]
    assert 'id' not in answer.json()
    asked['outputs'] = [{'name': 'digit', 'parameters': None}]
    assert outputs_of(service.post(DIGITS, asked)) == {'digit': [expected['digit']]}


@pytest.mark.parametrize('encoding, pack', [('gzip', gzip.compress), ('deflate', zlib.compress)])
def test_compressed_both_ways(service, expected, encoding, pack):
    rows = request(tensor(np.repeat(IMAGE, 20, axis=0)))
    headers = {'Content-Encoding': encoding, 'Accept-Encoding': encoding}
    answer = service.post(DIGITS, data=pack(json.dumps(rows).encode()), headers=headers)
    assert answer.headers['Content-Encoding'] == encoding
    assert outputs_of(answer)['digit'] == [expected['digit']] * 20


def test_no_encoding_that_the_client_refuses(service):
    rows = request(tensor(np.repeat(IMAGE, 20, axis=0)))
    assert 'Content-Encoding' not in service.post(DIGITS, rows, headers={'Accept-Encoding': 'gzip;q=0'}).headers


def test_a_short_answer_is_not_compressed(service):
    answer = service.post(
        NAMES, request(tensor(['Leo'], 'name', datatype='BYTES')), headers={'Accept-Encoding': 'gzip'}
    )
    assert 'Content-Encoding' not in answer.headers


def test_a_table_in_one_tensor_of_any_name(service):
    example = service.get('/v1/WineModel').json()['examples'][0]
    native = service.post('/v1/WineModel', example).json()['result']
    values = [list(example.values())]
    for name in ('predict', 'alcohol'):
        outputs = outputs_of(service.post(WINE, request(tensor(values, name, datatype='FP64'))))
        assert outputs['label'] == [native['label']]
        assert outputs['probabilities'] == pytest.approx(list(native['probabilities'].values()))


def test_model_files_tell_their_own_datatypes(service):
    described = service.get('/v2/models/WineModel').json()
    assert {one['datatype'] for one in described['inputs']} == {'FP32'}
    assert described['outputs'][1] == {
        'name': 'probabilities',
        'datatype': 'FP32',
        'shape': [-1, 3],
        'parameters': {'labels': ['cultivar 1', 'cultivar 2', 'cultivar 3']},
    }


WINE_NAMES = list(json.loads((BASE_FOLDER / 'data' / 'wine_heldout.json').read_text())['instances'][0])
WINE_ROW = [13.2, 1.78, 2.14, 11.2, 100, 2.65, 2.76, 0.26, 1.28, 4.38, 1.05, 3.4, 1050]
# What is sent, and what the error says. A wrong tensor never gets an answer.
REFUSED = {
    'no JSON': (DIGITS, '{', 'The body is not valid JSON'),
    'nothing': (DIGITS, '', 'The body is empty'),
    'a list': (DIGITS, '[]', 'inputs: must be a list with a tensor for each input'),
    'no inputs': (DIGITS, {}, 'inputs: must be a list with a tensor for each input'),
    'an input that is none': (DIGITS, {'inputs': [1]}, 'inputs[0]: must be an object with name'),
    'a name': (
        DIGITS,
        request(tensor(IMAGE, 'imag')),
        "inputs[0].name: 'imag' is not an input of the model. Did you mean",
    ),
    'twice': (DIGITS, request(tensor(IMAGE), tensor(IMAGE)), "inputs[1].name: 'image' appears twice"),
    'too few': (WINE, request(tensor([1.0], 'alcohol')), 'inputs: lack malic_acid, ash'),
    'no batch': (DIGITS, request(tensor(IMAGE[0])), 'inputs[0].shape: image must have the shape [-1, 8, 8], with the'),
    'another shape': (DIGITS, request(tensor(np.zeros((1, 4, 16)))), 'inputs[0].shape: image must have the shape'),
    'a flat shape': (DIGITS, request(tensor(IMAGE, shape=[1, 64])), 'inputs[0].shape: image must have the shape'),
    'no shape': (DIGITS, request(tensor(IMAGE, shape='8')), 'inputs[0].shape: must be a list of whole numbers above 0'),
    'no row': (
        DIGITS,
        request(tensor([], shape=[0, 8, 8])),
        'inputs[0].shape: must be a list of whole numbers above 0',
    ),
    'too many dimensions': (DIGITS, request(tensor(IMAGE, shape=[1] * 33)), 'inputs[0].shape: must be a list of whole'),
    'true as a length': (DIGITS, request(tensor(IMAGE, shape=[True, 8, 8])), 'inputs[0].shape: must be'),
    'a huge shape': (DIGITS, request(tensor(IMAGE, shape=[10**18, 8, 8])), 'inputs[0].data: has 64 elements, but'),
    'a length too few': (
        DIGITS,
        request(tensor(IMAGE[:, :7], shape=[1, 8, 8])),
        'inputs[0].data: has 56 elements, but',
    ),
    'a datatype': (DIGITS, request(tensor(IMAGE, datatype='BYTES')), 'inputs[0].datatype: image must be FP64, or'),
    'an unknown datatype': (DIGITS, request(tensor(IMAGE, datatype='BF16')), 'inputs[0].datatype: must be one of BOOL'),
    'no data': (
        DIGITS,
        request({'name': 'image', 'shape': [1, 8, 8], 'datatype': 'FP32'}),
        'inputs[0].data: is missing',
    ),
    'a text': (DIGITS, request(tensor([['x'] * 8] * 8, shape=[1, 8, 8])), 'inputs[0].data[0]: must be a number (FP32)'),
    'a number as text': (DIGITS, request(tensor([['1'] * 8] * 8, shape=[1, 8, 8])), 'must be a number (FP32), not "1"'),
    'true': (DIGITS, request(tensor(IMAGE > 100)), 'inputs[0].data[0]: must be a number (FP32), not false'),
    'null': (DIGITS, request(tensor(np.full((1, 8, 8), None))), 'inputs[0].data[0]: must be a number (FP32), not null'),
    'a fraction': (DIGITS, request(tensor(IMAGE + 0.5, datatype='INT64')), 'inputs[0].data[0]: must be a whole number'),
    'beyond its type': (DIGITS, request(tensor(IMAGE * 100, datatype='UINT8')), 'data[3]: 300 does not fit in UINT8'),
    'beyond the schema': (
        DIGITS,
        request(tensor(IMAGE + 8)),
        'inputs[0].data[9]: 17 is greater than the maximum of 16',
    ),
    'a number for a text': (NAMES, request(tensor([1], 'name', datatype='BYTES')), 'inputs[0].data[0]: must be a text'),
    'a narrow table': (WINE, request(tensor([WINE_ROW[:12]], 'x')), 'the only input must have the shape [-1, 13]'),
    'in a table': (
        WINE,
        request(tensor([WINE_ROW, [*WINE_ROW[:4], -1e9, *WINE_ROW[5:]]], 'x')),
        'inputs[0].data[17]: ',
    ),
    'an output': (
        DIGITS,
        request(tensor(IMAGE), outputs=[{'name': 'x'}]),
        "outputs[0].name: 'x' is not an output of the",
    ),
    'different numbers of rows': (
        WINE,
        request(*(tensor([1.0] * (1 + (name == 'ash')), name) for name in WINE_NAMES)),
        'inputs: have different numbers of rows, the first of each shape: [1, 2]',
    ),
    'an output whose name is a list': (DIGITS, request(tensor(IMAGE), outputs=[{'name': ['x']}]), 'outputs[0].name: '),
    'outputs that are an empty object': (DIGITS, request(tensor(IMAGE), outputs={}), 'outputs: must be a list of'),
    'outputs that are no list': (DIGITS, request(tensor(IMAGE), outputs={'name': 'x'}), 'outputs: must be a list of'),
}


@pytest.mark.parametrize('name', REFUSED)
def test_refused(service, name):
    url, body, reason = REFUSED[name]
    answer = service.post(url, data=body if isinstance(body, str) else json.dumps(body))
    assert answer.status_code == 400
    assert set(answer.json()) == {'error'}
    assert reason in answer.json()['error']
    assert len(answer.content) < 1024


def test_nested_data_names_its_place(service):
    data = [IMAGE[0].tolist(), (IMAGE[0] * 1.0).tolist()]
    data[1][2][3] = 99
    head = {'name': 'image', 'shape': [2, 8, 8], 'datatype': 'FP64'}
    answer = service.post(DIGITS, request({**head, 'data': data}))
    assert answer.json() == {'error': 'inputs[0].data[1][2][3]: 99 is greater than the maximum of 16'}
    data[1][2] = [1]
    answer = service.post(DIGITS, request({**head, 'data': data}))
    assert answer.json()['error'].startswith('inputs[0].data: has 1 items at depth 2 where the shape')


HEAD = {'name': 'image', 'shape': [1, 8, 8], 'datatype': 'FP32'}
NAN = np.where(IMAGE == 3, np.nan, IMAGE).astype('<f4').tobytes()
LARGE = (IMAGE + 8).astype('<f4').tobytes()
BINARY_REFUSED = {
    'too few bytes': (
        [{**HEAD, 'parameters': {'binary_data_size': 4}}],
        b'1234',
        'its binary data has 4 bytes, but FP32',
    ),
    'bytes missing': ([{**HEAD, 'parameters': {'binary_data_size': 256}}], b'', 'inputs: declare 256 bytes of binary'),
    'bytes left over': ([tensor(IMAGE)], b'1', 'inputs: declare 0 bytes of binary data, but 1 bytes follow'),
    'no size': ([{**HEAD, 'parameters': {'binary_data_size': -1}}], b'', 'must be a number of bytes'),
    'NaN': (
        [{**HEAD, 'parameters': {'binary_data_size': 256}}],
        NAN,
        'inputs[0].data[3]: nan: NaN and Infinity are not',
    ),
    'beyond': ([{**HEAD, 'parameters': {'binary_data_size': 256}}], LARGE, 'inputs[0].data[9]: 17'),
}


@pytest.mark.parametrize('name', BINARY_REFUSED)
def test_refused_binary(service, name):
    inputs, data, reason = BINARY_REFUSED[name]
    answer = service.post(DIGITS, **binary(inputs, data))
    assert answer.status_code == 400
    assert reason in answer.json()['error']


@pytest.mark.parametrize('data', [b'', b'\1', b'\5\0\0\0Leo', b'\3\0\0\0Leo\0', b'\3\0\0\0Leo' * 2])
def test_refused_texts(service, data):
    head = {'name': 'name', 'shape': [1], 'datatype': 'BYTES', 'parameters': {'binary_data_size': len(data)}}
    answer = service.post(NAMES, **binary([head], data))
    assert answer.status_code == 400
    assert 'is not 1 elements of a length in 4 bytes and bytes' in answer.json()['error']


def test_a_text_that_is_not_utf_8(service):
    head = {'name': 'name', 'shape': [1], 'datatype': 'BYTES', 'parameters': {'binary_data_size': 5}}
    answer = service.post(NAMES, **binary([head], b'\1\0\0\0\xff'))
    assert answer.json() == {'error': "inputs[0].data: has a text that is not UTF-8: b'\\xff'"}


@pytest.mark.parametrize('length', ['x', '-1', '999'])
def test_a_wrong_length_of_the_json(service, length):
    answer = service.post(DIGITS, data=b'{}', headers={'Inference-Header-Content-Length': length})
    assert answer.status_code == 400
    assert 'Inference-Header-Content-Length must be at most 2' in answer.json()['error']


def test_this_server(service):
    assert service.get('/v2').json()['extensions'] == ['binary_tensor_data']
    assert service.get('/v2/health/live').json() == {'live': True}
    assert service.get('/v2/health/ready').json() == {'live': True, 'ready': True}
    assert service.get('/v2/models/DigitsModel/ready').json() == {'name': 'DigitsModel', 'ready': True}
    (row,) = [each for each in service.post('/v2/repository/index').json() if each['name'] == 'WineModel']
    assert row == {'name': 'WineModel', 'version': '1', 'state': 'READY', 'reason': ''}


@pytest.mark.parametrize(
    'method, path, status, reason',
    [
        ('GET', '/v2/models/NoModel', 404, "There is no model 'NoModel'."),
        ('GET', '/v2/models/WineModel/versions/7', 404, 'WineModel has no version 7. There are: 1'),
        ('POST', '/v2/models/Wine/infer', 404, "Did you mean 'WineModel'?"),
        ('GET', '/v2/models/WineModel/infer', 405, 'GET is not allowed here: POST JSON to this URL.'),
        ('GET', '/v2/models/FileTypeModel', 404, 'FileTypeModel is not served: it needs magika'),
        ('POST', '/v2/models/WineModel/versions/01/infer', 404, 'WineModel has no version 01'),
        ('GET', '/v2/models/v1/WineModel', 404, 'Nothing is served'),
    ],
)
def test_errors_of_urls(service, method, path, status, reason):
    answer = service.get(path) if method == 'GET' else service.post(path, {})
    assert answer.status_code == status
    assert reason in answer.json()['error']
    assert answer.headers['Access-Control-Allow-Origin'] == '*'


@pytest.mark.long
def test_too_large(make_service):
    service = make_service(environment={'MODEL_SERVING_DIGITSMODEL_MAX_BODY': '2 KiB', 'WORKERS': '1'})
    answer = service.post(DIGITS, request(tensor(np.repeat(IMAGE, 100, axis=0))))
    assert answer.status_code == 413
    assert 'larger than the 2048 bytes of max_body' in answer.json()['error']


def test_a_file_is_its_bytes_in_both_directions(gallery):
    url, data = '/v2/models/FileModel/infer', struct.pack('<I', 3) + b'\0\xff\1'
    head = {'name': 'file', 'shape': [1], 'datatype': 'BYTES', 'parameters': {'binary_data_size': len(data)}}
    asked = {'outputs': [{'name': 'file', 'parameters': {'binary_data': True}}]}
    _, tail = of_binary(gallery.post(url, **binary([head], data, **asked)))
    assert tail == data
    output, *others = gallery.post(url, **binary([head], data)).json()['outputs']
    # A property that a result lacks is null, which binary data of integers or texts cannot be.
    assert [other['data'] for other in others] == [[None], [None]]
    answer = gallery.post(url, **binary([head], data, parameters={'binary_data_output': True}))
    assert answer.status_code == 400
    assert answer.json()['error'].startswith('note is null in one of the rows, which binary data of BYTES cannot be.')
    assert output == {
        'name': 'file',
        'datatype': 'BYTES',
        'shape': [1],
        'parameters': {'content_type': 'base64'},
        'data': ['AP8B'],
    }


@pytest.mark.parametrize('path', ['/v2/logging', '/v2/trace/setting', '/v2/repository/models/WineModel/load'])
def test_what_only_triton_has_is_refused_in_words_that_its_client_shows(service, path):
    assert service.get(path).status_code == 404
    assert service.get(path).json()['error'].startswith(f'Nothing is served at {path}.')
