"""Models that take files; each answers what it got, with a file as its length and its SHA-256."""

import base64
import hashlib

from flask_restful import abort, request

from model_serving.models.base64_utils import decoded
from model_serving.models.xxx_model import XXXModel
from model_serving.resources.model_resource import ModelResource
from model_serving.resources.xxx_model_resource import XXXModelResource
from model_serving.serving.route import Route
from model_serving.utils.validation_utils import validate_json


def file(**more):
    return {'type': 'string', 'contentEncoding': 'base64', **more}


picture = file(contentMediaType='image/*')
small = base64.b64encode(b'small').decode()


def an_object(examples, **properties):
    return {'type': 'object', 'properties': properties, 'required': list(examples[0]), 'examples': examples}


def seen(data: bytes) -> dict:
    return {'length': len(data), 'sha256': hashlib.sha256(data).hexdigest()}


class SeenModel:
    """Answers each file with what it is, and any other value as it is."""

    files = ('file', 'image', 'front', 'back')

    def predict(self, instances):
        return [{name: self._seen(instance, name) for name in instance} for instance in instances]

    def _seen(self, instance, name):
        if name == 'images':
            return [seen(base64.b64decode(each)) for each in instance[name]]
        return seen(decoded(instance, name)) if name in self.files else instance[name]


class FileResource(ModelResource):
    """A file of any type, and values of every kind."""

    @validate_json(
        an_object(
            [{'file': small, 'count': 3}],
            file={'$ref': '#/$defs/any_file'},
            count={'type': 'integer', 'minimum': 1},
            ratio={'type': ['number', 'null']},
            note={'type': 'string', 'maxLength': 20},
            flag={'type': 'boolean'},
            unit={'enum': ['mm', 'inch']},
            level={'enum': [1, 2]},
            either={'anyOf': [{'type': 'number'}, {'type': 'string'}]},
            box={'type': 'array', 'items': {'type': 'integer'}},
            maybe={'type': ['array', 'null'], 'items': {'type': 'integer'}},
            mixed={'type': ['array', 'string']},
            tags={'type': 'array', 'items': {'type': 'string'}},
            options={'type': 'object'},
        )
        | {'$defs': {'any_file': file()}}
    )
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}


def through(handler):
    return handler


class FlaskFileResource(FileResource):
    """The same with a decorator of Flask-RESTful, so that Flask answers."""

    method_decorators = [through]


class PictureResource(ModelResource):
    """One picture."""

    @validate_json(an_object([{'image': small}], image=picture, note={'type': 'string'}))
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}


class PairResource(ModelResource):
    """Two pictures, of which the second may be missing."""

    @validate_json(
        an_object([{'front': small}], front=picture, back={'anyOf': [picture, {'type': 'null'}]}, note={'const': 'x'})
    )
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}


class AlbumResource(ModelResource):
    """A list of pictures."""

    @validate_json(an_object([{'images': [small]}], images={'type': 'array', 'items': picture, 'minItems': 1}))
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}


class ArticleResource(ModelResource):
    """A handler as in the article, in a thread."""

    @validate_json(an_object([{'image': small}], image=picture))
    def post(self):
        return {'result': self.predict(request.json)}


class ForcedResource(ModelResource):
    """JSON of any Content-Type."""

    @validate_json(an_object([{'file': small}], file=file()), force=True)
    def post(self, instance):
        return {'result': self.predict(instance)}


class ForcedAsyncResource(ModelResource):
    """The same on the event loop."""

    @validate_json(an_object([{'file': small}], file=file()), force=True)
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}


class JSONFileResource(ModelResource):
    """A file that is JSON itself."""

    @validate_json(an_object([{'file': small}], file=file(contentMediaType='application/json')))
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}


class BesideResource(ModelResource):
    """A reference with a keyword beside it."""

    @validate_json(
        an_object([{'file': small}], file={'$ref': '#/$defs/text', 'contentEncoding': 'base64'})
        | {'$defs': {'text': {'type': 'string'}}}
    )
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}


class AbortingResource(ModelResource):
    """Refuses every picture but the example, by itself."""

    @validate_json(an_object([{'image': small}], image=picture))
    async def post(self, instance):
        if instance['image'] != small:
            abort(400, message='I do not like it.')
        return {}


class FlaskAbortingResource(AbortingResource):
    """The same by Flask."""

    method_decorators = [through]


class PiecesResource(ModelResource):
    """Answers piece by piece."""

    @validate_json(an_object([{'image': small}], image=picture))
    async def post(self, instance):
        for name, value in (await self.predict_async(instance)).items():
            yield {name: value}


PICTURE = Route('/v1/PictureModel', PictureResource, SeenModel)
ROUTES = (
    Route('/v1/XXXModel', XXXModelResource, XXXModel),
    Route('/v1/FileModel', FileResource, SeenModel),
    Route('/v1/FlaskModel', FlaskFileResource, SeenModel),
    PICTURE,
    Route('/v1/PairModel', PairResource, SeenModel),
    Route('/v1/AlbumModel', AlbumResource, SeenModel),
    Route('/v1/ArticleModel', ArticleResource, SeenModel),
    Route('/v1/ForcedModel', ForcedResource, SeenModel),
    Route('/v1/ForcedAsyncModel', ForcedAsyncResource, SeenModel),
    Route('/v1/JSONFileModel', JSONFileResource, SeenModel),
    Route('/v1/BesideModel', BesideResource, SeenModel),
    Route('/v1/AbortingModel', AbortingResource, SeenModel),
    Route('/v1/FlaskAbortingModel', FlaskAbortingResource, SeenModel),
    Route('/v1/PiecesModel', PiecesResource, SeenModel),
)
