"""Serves main:asgi_app as replicas on a Ray cluster: `serve run model_serving.on_ray:app`. See docs/deploy-ray.md.

Ray imports this module where `serve run` is called, and again in each replica, which is a process of its own.
"""

import os
from urllib.parse import quote

import yaml
from ray import serve

from .utils.conf_utils import CONF_FOLDER


def app(options: dict) -> serve.Application:
    """Return the deployment, with `options` of serve.deployment as texts: `num_replicas=3` of the command line."""
    options = {name: yaml.safe_load(text) if isinstance(text, str) else text for name, text in options.items()}
    if 'num_replicas' not in options:
        options.setdefault('autoscaling_config', {'min_replicas': 1, 'max_replicas': 4, 'target_ongoing_requests': 16})
    actor = {'runtime_env': {'env_vars': settings()}, **options.pop('ray_actor_options', {})}
    return ModelServing.options(ray_actor_options=actor, **options).bind()


def settings() -> dict:
    """Return the settings in the environment of `serve run`, for the replicas, which may be on other machines."""
    found = {name: value for name, value in os.environ.items() if name.startswith('MODEL_SERVING_')}
    # Ray uploads no file that .gitignore names. Without this, a replica that finds no keys would let everybody in.
    if (CONF_FOLDER / 'api_keys').exists():
        found.setdefault('MODEL_SERVING_SERVING_API_KEYS', 'conf/api_keys')
    return found


def asgi_app():
    """Return the service as an ASGI application, in a replica that starts; raises RuntimeError if it can't."""
    try:
        from main import asgi_app as service
    except SystemExit as error:
        # Ray would end the replica without its reason.
        raise RuntimeError(error.code) from None

    async def behind_the_proxy(scope, receive, send):
        if scope['type'] == 'http':
            scope, send = _without_prefix(scope), _without_request_id(send)
        await service(scope, receive, send)

    return behind_the_proxy


@serve.deployment(max_ongoing_requests=64, graceful_shutdown_timeout_s=25, health_check_period_s=2)
@serve.ingress(asgi_app)
class ModelServing:
    """A replica of the service."""

    def check_health(self):
        """Raise RuntimeError if a model hangs. Ray then replaces the replica."""
        from main import app

        for servable in app.servables.values():
            if servable.hangs_for:
                raise RuntimeError(f'A call of {servable.name} has been running for {servable.hangs_for:.1f} s.')


def _without_prefix(scope):
    """Return the scope without the application's `route_prefix`, which Ray leaves in the path."""
    prefix = scope.get('root_path', '')
    path = scope['path'].removeprefix(prefix) or '/'
    return {**scope, 'root_path': '', 'path': path, 'raw_path': quote(path).encode()} if prefix else scope


def _without_request_id(send):
    """Return `send` without the header X-Request-ID: Ray's proxy adds it again, with the same id."""

    async def send_others(message):
        if message['type'] == 'http.response.start':
            message = {**message, 'headers': [pair for pair in message['headers'] if pair[0] != b'x-request-id']}
        await send(message)

    return send_others
