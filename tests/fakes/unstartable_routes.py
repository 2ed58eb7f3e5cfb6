"""Serves the models of the environment variable UNSTARTABLE beside the others."""

import os

from .models.unstartable_model import CLASSES, Loaded
from .resources.unstartable_resource import RESOURCES, UnstartableResource
from .serving.route import Route
from .shipped_routes import ROUTES as SHIPPED

ROUTES = SHIPPED + tuple(
    Route(f'/v1/{name}', RESOURCES.get(name, UnstartableResource), CLASSES.get(name, Loaded))
    for name in os.environ['UNSTARTABLE'].split()
)
