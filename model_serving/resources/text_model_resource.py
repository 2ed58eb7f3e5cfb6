from ..utils.validation_utils import validate_json
from .model_resource import ModelResource

text_model_schema = {
    'type': 'object',
    'properties': {
        'prompt': {'description': 'The beginning of a text, in English', 'type': 'string', 'maxLength': 1000},
        'words': {
            'description': 'How many words to add at most; 40 unless you say',
            'type': 'integer',
            'minimum': 1,
            'maximum': 100,
        },
        'seed': {'description': 'A number that makes the text the same each time', 'type': 'integer'},
    },
    'required': ['prompt'],
    'examples': [{'prompt': 'The service', 'words': 12}],
}

text_model_result_schema = {
    'type': 'object',
    'properties': {'text': {'description': 'The next word, with the space before it', 'type': 'string'}},
    'required': ['text'],
}


class TextModelResource(ModelResource):
    """The beginning of a text → more of it, word by word. A toy: it mixes sentences of the guides."""

    # What it yields, piece by piece.
    result_schema = text_model_result_schema

    @validate_json(text_model_schema)
    async def post(self, instance):
        async for piece in self.stream(instance):
            yield piece
