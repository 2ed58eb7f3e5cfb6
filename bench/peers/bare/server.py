"""The limit of uvicorn: an ASGI callable with orjson and a model, without framework, checks or batching."""

import os

import orjson
from served import served

MODELS = {f'/v1/{name}': model_class() for name, model_class in served(os.environ['BENCH_WORKLOAD']).items()}


async def app(scope, receive, send):
    if scope['type'] != 'http':
        return
    body, more = b'', True
    while more:
        message = await receive()
        body, more = body + message['body'], message['more_body']
    answer = orjson.dumps({'result': MODELS[scope['path']].predict([orjson.loads(body)])[0]})
    headers = [(b'content-type', b'application/json'), (b'content-length', b'%d' % len(answer))]
    await send({'type': 'http.response.start', 'status': 200, 'headers': headers})
    await send({'type': 'http.response.body', 'body': answer})
