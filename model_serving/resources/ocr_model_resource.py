from ..utils.validation_utils import validate_json
from .model_resource import ModelResource

# A small PNG picture of two lines: Hello, Leo! and 你好,世界
picture = (
    'iVBORw0KGgoAAAANSUhEUgAAALgAAABUAQAAAAAZzsCTAAABoUlEQVR42u2Tv07bUBSHv2tbLaqoyEg7VGbpTKcGKRA/QN+BPAIPQMUBupOxY8'
    'YOfYbIQUjNRt6g7kQ7EWSGxMT3dDAp9zqu1ImlnOn608+/e/7cY5TGCHjiDi9uV3kpg+o8BygfM58LmCfADece34WfGTBJui7XjnB1AFx+70jF'
    'I+D4Te+OtTbQkmzo6C2QxoBY4/gcycn91w/5tzz1XtfNCF2+/D3z9QGQZIAE6vmkMBv3Ycpwx+FmdPTxVR+Cd1sX4upHn9Y2Y2C7N4oqbh7e+b'
    'TV3OfsL/2feIXpn+iqE+Zpjx6NXwoJsHurJnB5C9TIqn4o1ROCw1nN39hkVT8wcWLrF6vaNpvhQrWTW8xy7qjanevP4VynsHc4X/IAbMHbg2I1'
    '/0V12ujkqed/8/56L89r/gG8eK5D8zL2fSKILEyrKr6N/bokzDOAcbtWb9Ud7b92eWnOvwC0iu0refAHltsvmnocAcIFmNTxKejNKKVpjl+b5r'
    'jOPsDIyKSmtx8IAR249UL8S6I7lPLU28fuhurZQrVxH4tn3r3/257+BsiOze32lRHXAAAAAElFTkSuQmCC'
)

ocr_model_schema = {
    'type': 'object',
    'properties': {
        'image': {
            'description': 'A picture with printed text: a PNG, JPEG, WebP, GIF or BMP file',
            'type': 'string',
            'contentEncoding': 'base64',
            'contentMediaType': 'image/*',
        },
    },
    'required': ['image'],
    'examples': [{'image': picture}],
}

corner = {'type': 'array', 'items': {'type': 'integer', 'minimum': 0}, 'minItems': 2, 'maxItems': 2}
line = {
    'type': 'object',
    'properties': {
        'text': {'description': 'What was read', 'type': 'string'},
        'confidence': {'type': 'number', 'minimum': 0, 'maximum': 1},
        'box': {
            'description': 'Its four corners in pixels, [x, y], clockwise from the upper left one',
            'type': 'array',
            'items': corner,
            'minItems': 4,
            'maxItems': 4,
        },
    },
    'required': ['text', 'confidence', 'box'],
}
lines = {'description': 'The lines of text that were found, from top to bottom', 'type': 'array', 'items': line}
result = {'type': 'object', 'properties': {'lines': lines}, 'required': ['lines']}
ocr_model_result_schema = {'type': 'object', 'properties': {'result': result}, 'required': ['result']}


class OCRModelResource(ModelResource):
    """A picture → the lines of text in it, Chinese and English."""

    result_schema = ocr_model_result_schema

    @validate_json(ocr_model_schema)
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}
