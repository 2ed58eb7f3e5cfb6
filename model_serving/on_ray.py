"""Serves main:asgi_app as replicas on a Ray cluster: `serve run model_serving.on_ray:app`. See docs/deploy-ray.md."""

import logging
import os
from pathlib import Path
from urllib.parse import quote

import yaml
from ray import serve

from .server.banner import access_lines
from .utils.conf_utils import CONF_FOLDER


def app(options: dict) -> serve.Application:
    """Return the deployment, with `options` of Ray's serve.deployment; as texts, on the command line: num_replicas=3"""
    options = {name: yaml.safe_load(value) if isinstance(value, str) else value for name, value in options.items()}
    if 'num_replicas' not in options:
        default = {'min_replicas': 1, 'max_replicas': 4, 'target_ongoing_requests': 16}
        options['autoscaling_config'] = default | options.get('autoscaling_config', {})
    found = {name: value for name, value in os.environ.items() if name.startswith('MODEL_SERVING_')}
    # Ray uploads no file that .gitignore names. Without this, a replica that finds no keys would let everybody in.
    if (CONF_FOLDER / 'api_keys').exists():
        found.setdefault('MODEL_SERVING_SERVING_API_KEYS', 'conf/api_keys')
    return ModelServing.options(**options).bind(found)


def asgi_app():
    """Return the service as an ASGI application, in a replica that starts; raises RuntimeError if it can't."""
    uploaded, used = Path.cwd() / 'model_serving', Path(__file__).parent
    if uploaded.exists() and not uploaded.samefile(used):
        raise RuntimeError(f'The replica would use {used}, not {uploaded}. Start Ray and Serve in an empty folder.')
    # Reading conf/logging.conf closes all handlers: without its target, Ray's would keep every line in memory.
    targets = {one: one.target for one in logging.getLogger('ray.serve').handlers if hasattr(one, 'target')}
    try:
        from main import app as service
    except SystemExit as error:
        # Ray would end the replica without its reason.
        raise RuntimeError(error.code) from None
    for handler, target in targets.items():
        handler.setTarget(target)
    logging.getLogger('start').info(*access_lines(service.keys, [('0.0.0.0', 8000)]))

    async def behind_the_proxy(scope, receive, send):
        async def send_without_id(message):
            # Ray's proxy adds the same id to each answer.
            if 'headers' in message:
                message = {**message, 'headers': [pair for pair in message['headers'] if pair[0] != b'x-request-id']}
            await send(message)

        if prefix := scope.get('root_path'):
            # Ray leaves the application's `route_prefix` in the path.
            path = scope['path'].removeprefix(prefix) or '/'
            scope = {**scope, 'root_path': '', 'path': path, 'raw_path': quote(path).encode()}
        await service.asgi_app(scope, receive, send_without_id)

    return behind_the_proxy


@serve.deployment(
    max_ongoing_requests=64, max_queued_requests=1000, graceful_shutdown_timeout_s=25, health_check_period_s=2
)
@serve.ingress(asgi_app)
class ModelServing:
    """A replica of the service: a process of its own, which imports this module again."""

    def __init__(self, settings):
        # What a runtime_env sets counts more. One of ours would take the place of the user's.
        os.environ.update(settings | os.environ)

    def check_health(self):
        """Raise RuntimeError if a model hangs. Ray then replaces the replica."""
        from main import app as service

        for servable in service.servables.values():
            if servable.hangs_for:
                raise RuntimeError(f'A call of {servable.name} has been running for {servable.hangs_for:.1f} s.')
