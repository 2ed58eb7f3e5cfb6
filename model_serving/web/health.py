"""Health checks for load balancers and App Engine."""

from flask import abort, current_app, request
from flask_restful import Resource

from . import access

ENDING = 'This process is ending. Ask again on a new connection.'
WITHOUT_KEY = 'The service is not ready. With an API key, this URL says why.'


class HealthLive(Resource):
    """The process is alive."""

    def get(self):
        return {'status': 'live'}


class HealthReady(Resource):
    """Whether the models can answer: 200, or 503 with the reason for each one that can't.

    A model that was skipped does not count: the others can answer. `?model=/v1/XXXModel` asks for one. A process that
    has been told to end answers 503, while it still answers what it has accepted. Where keys are needed, only the
    status of all models together is told without one.
    """

    statuses = {503: 'A model cannot answer: `message` names it, `models` says why'}

    def get(self):
        may_see = access.may_see_models()
        url = request.args.get('model') if may_see else None
        if url and url not in current_app.servables:
            abort(404, f'There is no model {url[:100]}. There are: {", ".join(current_app.servables)}')
        state, status, headers = _state({url: current_app.servables[url]} if url else current_app.servables, url)
        if not may_see:
            state = {'status': state['status'], **({} if status == 200 else {'message': WITHOUT_KEY})}
        return state, status, headers


class WarmUp(HealthReady):
    """App Engine calls this before it sends requests to a new instance."""


def unready(servables: dict) -> list:
    """Return the URLs of the models that cannot answer, without those that were skipped."""
    return [url for url, one in servables.items() if one.problem and one.settings['on_error'] == 'stop']


def _state(asked, url):
    """Return the state of the models that are asked for, a status and headers."""
    models = {each: servable.problem or 'ready' for each, servable in asked.items()}
    if current_app.readiness.is_ending:
        # The server itself closes connections a little later.
        return {'status': 'not ready', 'message': ENDING, 'models': models}, 503, {'Connection': 'close'}
    if lacking := [url] if url and asked[url].problem else unready(asked):
        return {'status': 'not ready', 'message': f'Not ready: {", ".join(lacking)}', 'models': models}, 503, {}
    warnings = {each: servable.warning for each, servable in asked.items() if servable.warning}
    return {'status': 'ready', 'models': models, **({'warnings': warnings} if warnings else {})}, 200, {}
