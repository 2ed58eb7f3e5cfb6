"""Models that show every kind of field and of answer on the page; their tests serve this as routes.py."""

from .resources.model_resource import ModelResource
from .serving.route import Route
from .utils.validation_utils import validate_json

# A red point, as PNG.
POINT = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg=='


class EchoModel:
    """Answers what it is given; `{"fail": true}` makes it fail."""

    load_before_fork = True

    def predict(self, instances):
        if any(instance.get('fail') for instance in instances):
            raise RuntimeError('asked to fail')
        return [instance.get('answer', instance) for instance in instances]


class ListModel(EchoModel):
    """Answers how long each instance is."""

    def predict(self, instances):
        return [len(instance) for instance in instances]


def an_object(required=(), examples=(), **properties):
    """Return the schema of an object; what is empty does not stand there."""
    given = {'required': required, 'examples': examples}
    return {'type': 'object', 'properties': properties, **{key: value for key, value in given.items() if value}}


def base64_of(content_type):
    return {'type': 'string', 'contentEncoding': 'base64', 'contentMediaType': content_type}


def numbers(count, **cell):
    return {'type': 'array', 'items': {'type': 'number', **cell}, 'minItems': count, 'maxItems': count}


def resource(schema, doc, result=None):
    """Return a resource that answers `{'result': …}` to what `schema` allows."""

    class Echo(ModelResource):
        result_schema = result

        @validate_json(schema)
        def post(self, instance):
            return {'result': self.predict(instance)}

    Echo.__doc__ = doc
    return Echo


TREE = an_object(['leaf'], leaf={'type': 'integer'}, branches={'type': 'array', 'items': {'$ref': '#/$defs/tree'}})
FIELDS = {
    **an_object(
        ['text', 'weight', 'missing', 'colour'],
        text={'type': 'string', 'minLength': 2, 'maxLength': 20, 'description': 'A short text'},
        essay={'type': 'string', 'maxLength': 5000},
        weight={'type': 'number', 'title': 'Weight', 'minimum': 0, 'maximum': 10, 'description': 'in kg'},
        count={'type': 'integer', 'minimum': 1},
        sure={'type': 'boolean'},
        colour={'enum': ['red', 'green', 3]},
        day={'type': 'string', 'format': 'date'},
        missing={'type': ['number', 'null']},
        row=numbers(3),
        rows={'type': 'array', 'items': {'type': 'array', 'items': {'type': 'number'}}},
        cells={**numbers(2), 'items': numbers(3)},
        tree={'$ref': '#/$defs/tree'},
    ),
    '$defs': {'tree': {**TREE, 'additionalProperties': False}},
    'examples': [
        {
            'text': '范叶亮',
            'essay': 'Two\nlines',
            'weight': 0.5,
            'count': 3,
            'sure': True,
            'colour': 3,
            'day': '2018-10-19',
            'missing': None,
            'row': [1, 2.5, -3],
            'rows': [[1, 2], [3, 4]],
            'cells': [[1, 2, 3], [4, 5, 6]],
            'tree': {'leaf': 1, 'branches': [{'leaf': 2}]},
        },
        {'text': 'second', 'weight': 1, 'missing': 4, 'colour': 'red'},
    ],
}
PICTURE = an_object(['answer'], [{'answer': POINT}], answer=base64_of('image/png'))
PICTURE_RESULT = an_object(['result'], result=base64_of('image/png'))
FILE = an_object(
    ['file'], file=base64_of('application/octet-stream'), note={'type': 'string'}, count={'type': 'integer'}
)
DIAGONAL = [[16 * (row == column) for column in range(8)] for row in range(8)]
DRAWING = an_object(['image'], [{'image': DIAGONAL}], image={**numbers(8), 'items': numbers(8, minimum=0, maximum=16)})
MANY = an_object([f'f{index}' for index in range(200)], **{f'f{index}': {'type': 'number'} for index in range(200)})
CUBE = an_object(['cube'], cube={'type': 'array', 'items': {**numbers(2), 'items': numbers(3)}})
ANY = an_object(examples=[{'answer': 42}], answer={}, fail={'type': 'boolean'})
TENSORS = an_object(
    ['text'],
    [
        {
            'text': '范叶亮',
            'words': [['one', '二'], ['', '4']],
            'grid': [[1, 2.5, -3], [4, 5, 6]],
            'missing': None,
            'count': 3,
            'sure': True,
            'whole': [1, 2],
            'files': ['AP8=', ''],
        }
    ],
    text={'type': 'string'},
    words={'type': 'array', 'items': {'type': 'array', 'items': {'type': 'string'}}},
    grid={**numbers(2), 'items': numbers(3)},
    missing={'type': ['number', 'null']},
    count={'type': ['integer', 'null']},
    sure={'type': 'boolean'},
    whole={'type': 'array', 'items': {'type': 'integer'}},
    files={'type': 'array', 'items': base64_of('application/octet-stream')},
)
FILE_RESULT = an_object(['result'], result=FILE)
HOSTILE = '<img src=x onerror="document.title=1">'
HOSTILE_SCHEMA = an_object(
    examples=[{HOSTILE: HOSTILE, 'one': HOSTILE, 'tree': {HOSTILE: [HOSTILE, {HOSTILE: 1}]}}],
    **{HOSTILE: {'type': 'string', 'title': HOSTILE, 'description': HOSTILE, 'pattern': 'img'}},
    one={'enum': [HOSTILE]},
    tree={'type': 'object', 'description': HOSTILE},
)

ROUTES = (
    Route('/v1/FormModel', resource(FIELDS, 'Every kind of field.\n\nIt answers what it is sent.'), EchoModel),
    Route('/v1/PictureModel', resource(PICTURE, 'A picture → the same picture.', PICTURE_RESULT), EchoModel),
    Route('/v1/FileModel', resource(FILE, 'A file → itself.', FILE_RESULT), EchoModel),
    Route('/v1/DrawingModel', resource(DRAWING, 'A drawing → its numbers.'), EchoModel),
    Route('/v1/ManyModel', resource(MANY, '200 numbers → the same numbers.'), EchoModel),
    Route('/v1/CubeModel', resource(CUBE, 'Nested arrays → the same.'), EchoModel),
    Route(
        '/v1/TensorModel', resource(TENSORS, 'Tensors → the same.', an_object(['result'], result=TENSORS)), EchoModel
    ),
    Route('/v1/AnyModel', resource(ANY, 'Whatever it is sent.'), EchoModel),
    Route('/v1/HostileModel', resource(HOSTILE_SCHEMA, HOSTILE), EchoModel),
    Route('/v2/AnyModel', resource({'type': 'array', 'examples': [[1]]}, 'No object.'), ListModel),
)
