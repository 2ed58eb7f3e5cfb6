"""Health checks for load balancers and App Engine."""

from flask import current_app
from flask_restful import Resource


class HealthLive(Resource):
    """The process is alive."""

    def get(self):
        return {'status': 'live'}


class HealthReady(Resource):
    """Whether every model can answer: 200, or 503 with the reason for each one that can't."""

    statuses = {503: 'A model cannot answer: `message` names it, `models` says why'}

    def get(self):
        problems = {url: servable.problem for url, servable in current_app.servables.items()}
        models = {url: problem or 'ready' for url, problem in problems.items()}
        unready = [url for url, problem in problems.items() if problem]
        if unready:
            return {'status': 'not ready', 'message': f'Not ready: {", ".join(unready)}', 'models': models}, 503
        warnings = {url: servable.warning for url, servable in current_app.servables.items() if servable.warning}
        return {'status': 'ready', 'models': models, **({'warnings': warnings} if warnings else {})}


class WarmUp(HealthReady):
    """App Engine calls this before it sends requests to a new instance."""
