"""The table of URLs of the benchmark: it takes the place of model_serving/routes.py in a copy of the tree."""

import os

import served

from .models.digits_model import DigitsModel
from .models.xxx_model import XXXModel
from .resources.bench_resources import ForestResource, NumbersResource
from .resources.digits_model_resource import DigitsModelResource
from .resources.xxx_model_resource import XXXModelResource
from .serving.route import Route

TABLES = {
    'hello': (Route('/v1/hello', XXXModelResource, XXXModel),),
    'forest': (Route('/v1/forest', ForestResource, served.Forest),),
    'digits': (Route('/v1/digits', DigitsModelResource, DigitsModel),),
    'numbers': (Route('/v1/numbers', NumbersResource, served.Numbers),),
    'many': tuple(Route(f'/v1/{name}', XXXModelResource, XXXModel) for name in served.MANY),
}

ROUTES = TABLES[os.environ['BENCH_WORKLOAD']]
