"""What /openapi.json says of a request of another protocol: its schema, and an example for each model."""

import orjson

from ...dialects import open_inference
from ..errors import MAX_EXAMPLE
from .predict import MLFLOW, OPEN_INFERENCE, TENSORFLOW

TABLE = {'text/csv': {'schema': {'type': 'string'}}}
# How each protocol writes one instance for a handler, by the protocol's title.
EXAMPLES = {
    OPEN_INFERENCE.title: lambda instance, handler: open_inference.example(instance, handler.signature),
    TENSORFLOW.title: lambda instance, handler: {'instances': [instance]},
    MLFLOW.title: lambda instance, handler: {'dataframe_records': [instance]},
}


def request_body(resource, handlers) -> dict:
    """Return the description of the body that a resource for predictions takes."""
    examples = {}
    for handler in filter(_is_served, handlers):
        has_tensors = handler.signature.problem is None or resource.dialect is not OPEN_INFERENCE
        for instance in handler.servable.examples[:1] if has_tensors else []:
            body = EXAMPLES[resource.dialect.title](instance, handler)
            if len(orjson.dumps(body)) <= MAX_EXAMPLE:
                examples[handler.servable.url] = {'value': body}
    content = {'schema': {'$ref': f'#/components/schemas/{resource.body}'}, 'examples': examples}
    return {'required': True, 'content': {'application/json': content, **(TABLE if resource.dialect is MLFLOW else {})}}


def _is_served(handler):
    servable = handler.servable
    return not servable.problem and handler.native_only is None and isinstance(servable.schema, dict)
