"""The table of URLs: a row serves a model. Add yours here."""

from .models.xxx_model import XXXModel
from .resources.xxx_model_resource import XXXModelResource
from .serving.route import Route

ROUTES = (Route('/v1/XXXModel', XXXModelResource, XXXModel),)
