"""The table of URLs: a row serves a model. Add yours here."""

from .models.digits_model import DigitsModel
from .models.xxx_model import XXXModel
from .resources.digits_model_resource import DigitsModelResource
from .resources.xxx_model_resource import XXXModelResource
from .serving.route import Route

ROUTES = (
    Route('/v1/XXXModel', XXXModelResource, XXXModel),
    Route('/v1/DigitsModel', DigitsModelResource, DigitsModel),
)
