"""The table of URLs of the benchmark: it takes the place of model_serving/routes.py in a copy of the tree."""

import os

import served

from .serving.route import Route

WORKLOAD = os.environ['BENCH_WORKLOAD']


def _route(name):
    """Return the row of one model, and import no other's: a service has just the libraries that its models need."""
    if WORKLOAD in ('hello', 'many'):
        from .models.xxx_model import XXXModel
        from .resources.xxx_model_resource import XXXModelResource

        if os.environ.get('BENCH_HANDLER') == 'def':
            from .resources.bench_resources import DefHelloResource as XXXModelResource

        return Route(f'/v1/{name}', XXXModelResource, XXXModel)
    if WORKLOAD == 'digits':
        from .models.digits_model import DigitsModel
        from .resources.digits_model_resource import DigitsModelResource

        return Route(f'/v1/{name}', DigitsModelResource, DigitsModel)
    from .resources import bench_resources

    return Route(f'/v1/{name}', bench_resources.RESOURCES[name], served.MODELS[name])


ROUTES = tuple(_route(name) for name in served.served(WORKLOAD))
