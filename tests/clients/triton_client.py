"""What Triton's client gets from the service: triton_client.py URL http|aio < rows; prints JSON.

Runs in an environment of its own. The two clients have the same methods, but those of `aio` are awaited.
"""

import asyncio
import inspect
import json
import sys
from itertools import product

import numpy as np
import tritonclient.http as http
from tensors import MODELS, calls, plain
from tritonclient.http import InferenceServerException, InferInput, InferRequestedOutput, aio

CODINGS = {None: 'plain', 'gzip': 'gzip', 'deflate': 'deflate'}
WAYS = list(product((True, False), (True, False), CODINGS))


def tensor(name, values, datatype, is_binary=True):
    array = np.array(values, dtype=http.triton_to_np_dtype(datatype))
    made = InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=is_binary)
    return made


CALLS = calls(tensor)


def outputs_of(result):
    return {each['name']: plain(result.as_numpy(each['name'])) for each in result.get_response()['outputs']}


def inputs_of(call, rows, is_binary=True):
    model, inputs, _ = CALLS[call]
    return inputs(rows[model], is_binary)


async def settled(value):
    return await value if inspect.isawaitable(value) else value


async def predictions(client, kind, rows):
    """Call each model in each way; the id of a request says which."""
    answers = {}
    for (call, (model, _, names)), (sent, wanted, coding) in product(CALLS.items(), WAYS):
        name = '-'.join([kind, call, *('binary' if way else 'json' for way in (sent, wanted)), CODINGS[coding]])
        result = await settled(
            client.infer(
                model,
                inputs_of(call, rows, sent),
                outputs=[InferRequestedOutput(each, binary_data=wanted) for each in names],
                request_id=name,
                request_compression_algorithm=coding,
                response_compression_algorithm=coding,
            )
        )
        head = {key: value for key, value in result.get_response().items() if key != 'outputs'}
        answers[name] = {'head': head, 'outputs': outputs_of(result)}
    return answers


async def failures(client, rows):
    """Return status and message of the errors that the client raises."""
    image = np.zeros((1, 8, 7)).tolist()
    wrong = {
        'shape': ('DigitsModel', [tensor('image', image, 'FP32')]),
        'name': ('DigitsModel', [tensor('images', rows['DigitsModel'][0]['image'], 'FP32')]),
        'datatype': ('XXXModel', [tensor('name', [1], 'INT64')]),
        'value': ('DigitsModel', [tensor('image', np.full((1, 8, 8), 17).tolist(), 'FP32')]),
        'model': ('DigitModel', inputs_of('digits', rows)),
        'classification': (
            'DigitsModel',
            inputs_of('digits', rows),
            [InferRequestedOutput('probabilities', class_count=3)],
        ),
    }
    found = {}
    for name, (model, inputs, *outputs) in wrong.items():
        try:
            await settled(client.infer(model, inputs, outputs=outputs[0] if outputs else None))
        except InferenceServerException as error:
            found[name] = [error.status(), error.message()]
    return found


async def answers_of(client, kind, rows):
    answers = {
        'live': await settled(client.is_server_live()),
        'ready': await settled(client.is_server_ready()),
        'models_ready': [await settled(client.is_model_ready(model)) for model in (*MODELS, 'NoModel')],
        'version_ready': await settled(client.is_model_ready('XXXModel', '1')),
        'server': await settled(client.get_server_metadata()),
        'models': {model: await settled(client.get_model_metadata(model)) for model in MODELS},
        'index': await settled(client.get_model_repository_index()),
        'predictions': await predictions(client, kind, rows),
        'failures': await failures(client, rows),
        # Without `outputs` the client asks for all of them, binary.
        'all_outputs': outputs_of(await settled(client.infer('WineModel', inputs_of('wines', rows)))),
        'one_output': outputs_of(
            await settled(
                client.infer('WineModel', inputs_of('wines', rows), outputs=[InferRequestedOutput('probabilities')])
            )
        ),
        'version': outputs_of(await settled(client.infer('XXXModel', inputs_of('names', rows), model_version='1'))),
    }
    if hasattr(client, 'async_infer'):
        pending = [
            client.async_infer('DigitsModel', inputs_of('digits', {'DigitsModel': [row]}))
            for row in rows['DigitsModel']
        ]
        answers['async'] = [outputs_of(each.get_result()) for each in pending]
    return answers


async def main(url, kind):
    rows, address = json.load(sys.stdin), url.removeprefix('http://')
    client = (http if kind == 'http' else aio).InferenceServerClient(address)
    try:
        json.dump(await answers_of(client, kind, rows), sys.stdout)
    finally:
        await settled(client.close())


if __name__ == '__main__':
    asyncio.run(main(*sys.argv[1:]))
