"""The limit of gunicorn's threads: a WSGI callable with json and a model, without framework, checks or batching."""

import json
import os

from served import served

MODELS = {f'/v1/{name}': model_class() for name, model_class in served(os.environ['BENCH_WORKLOAD']).items()}


def app(environ, start_response):
    instance = json.loads(environ['wsgi.input'].read(int(environ['CONTENT_LENGTH'])))
    answer = json.dumps({'result': MODELS[environ['PATH_INFO']].predict([instance])[0]}).encode()
    start_response('200 OK', [('Content-Type', 'application/json'), ('Content-Length', str(len(answer)))])
    return [answer]
