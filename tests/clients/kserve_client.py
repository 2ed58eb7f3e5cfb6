"""What KServe's client gets from the service: kserve_client.py URL < rows; prints JSON.

Runs in an environment of its own.
"""

import asyncio
import json
import sys
from itertools import product

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from tensors import MODELS, calls, plain


def tensor(name, values, datatype, is_binary):
    array = np.array(values, dtype={'FP32': np.float32, 'FP64': np.float64, 'BYTES': object}[datatype])
    made = InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=is_binary)
    return made


CALLS = calls(tensor)


def outputs_of(response):
    return {each.name: plain(each.as_numpy()) for each in response.outputs}


def inputs_of(call, rows, is_binary=True):
    model, inputs, _ = CALLS[call]
    return inputs(rows[model], is_binary)


async def predictions(client, url, rows):
    """Call each model in JSON and binary; the id of a request says which."""
    answers = {}
    for (call, (model, _, outputs)), sent, wanted in product(CALLS.items(), (True, False), (True, False)):
        name = '-'.join(['kserve', call, *('binary' if way else 'json' for way in (sent, wanted))])
        asked = [RequestedOutput(each, {'binary_data': wanted}) for each in outputs]
        request = InferRequest(model, inputs_of(call, rows, sent), request_id=name, request_outputs=asked)
        response = await client.infer(url, request, model_name=model)
        answers[name] = {'head': [response.model_name, response.id], 'outputs': outputs_of(response)}
    return answers


async def all_outputs(client, url, rows, is_binary):
    parameters = {'binary_data_output': is_binary}
    request = InferRequest('WineModel', inputs_of('wines', rows, is_binary), parameters=parameters)
    return outputs_of(await client.infer(url, request, model_name='WineModel'))


async def failures(client, url, rows):
    """Return status and message of the errors that the client raises."""
    wrong = {
        'shape': ('DigitsModel', [tensor('image', np.zeros((1, 8, 7)), 'FP32', True)]),
        'model': ('DigitModel', inputs_of('digits', rows)),
    }
    found = {}
    for name, (model, inputs) in wrong.items():
        try:
            await client.infer(url, InferRequest(model, inputs), model_name=model)
        except httpx.HTTPStatusError as error:
            found[name] = [error.response.status_code, str(error)]
    return found


async def version_2(url, rows):
    async with InferenceRESTClient(RESTConfig(protocol='v2')) as client:
        return {
            'live': await client.is_server_live(url),
            'ready': await client.is_server_ready(url),
            'models_ready': [await client.is_model_ready(url, model) for model in (*MODELS, 'NoModel')],
            'predictions': await predictions(client, url, rows),
            'all_outputs': [await all_outputs(client, url, rows, is_binary) for is_binary in (True, False)],
            'failures': await failures(client, url, rows),
        }


async def version_1(url, rows):
    async with InferenceRESTClient(RESTConfig(protocol='v1')) as client:
        answers = {model: await client.infer(url, {'instances': rows[model]}, model_name=model) for model in MODELS}
        return {
            'models_ready': [await client.is_model_ready(url, model) for model in MODELS],
            'predictions': answers,
            'values': await client.infer(url, {'instances': ['Leo', 'Zoë']}, model_name='XXXModel'),
        }


async def main(url):
    rows = json.load(sys.stdin)
    json.dump({'v1': await version_1(url, rows), 'v2': await version_2(url, rows)}, sys.stdout)


if __name__ == '__main__':
    asyncio.run(main(*sys.argv[1:]))
