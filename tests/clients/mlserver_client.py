"""What MLServer's codecs make of the service's answers: mlserver_client.py URL < rows; prints JSON.

Runs in an environment of its own. MLServer has no client: its users send the JSON that its types write.
"""

import json
import sys
import urllib.error
import urllib.request

import numpy as np
import pandas as pd
from mlserver.codecs import NumpyCodec, NumpyRequestCodec, PandasCodec, StringCodec, StringRequestCodec
from mlserver.types import InferenceRequest, InferenceResponse, RequestOutput
from tensors import plain


class Service:
    def __init__(self, url):
        self.url = url

    def infer(self, model, request: InferenceRequest) -> InferenceResponse:
        body = request.model_dump_json().encode()
        url = f'{self.url}/v2/models/{model}/infer'
        sent = urllib.request.Request(url, body, {'Content-Type': 'application/json'})
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return InferenceResponse.model_validate_json(answer.read())

    def refusal(self, model, request):
        try:
            self.infer(model, request)
        except urllib.error.HTTPError as error:
            return [error.code, json.loads(error.read())]


def named(response) -> dict:
    return {output.name: output for output in response.outputs}


def decoded(response) -> dict:
    """Return the outputs of a response by the codec for each: texts by StringCodec, numbers by NumpyCodec."""
    texts = {name: each for name, each in named(response).items() if each.datatype == 'BYTES'}
    numbers = {name: each for name, each in named(response).items() if name not in texts}
    return {
        **{name: StringCodec.decode_output(each) for name, each in texts.items()},
        **{name: plain(NumpyCodec.decode_output(each)) for name, each in numbers.items()},
    }


def wines(service, rows):
    frame = pd.DataFrame(rows)
    by_pandas = PandasCodec.encode_request(frame)
    by_pandas.id = 'mlserver-pandas'
    one_output = by_pandas.model_copy(update={'outputs': [RequestOutput(name='label')]})
    by_numpy = NumpyRequestCodec.encode_request(frame.to_numpy(np.float32))
    answer = service.infer('WineModel', by_pandas)
    labels = PandasCodec.decode_response(service.infer('WineModel', one_output))
    return {
        'head': [answer.id, answer.model_name, answer.model_version],
        'pandas': decoded(answer),
        'frame': labels.to_dict('list'),
        'numpy': decoded(service.infer('WineModel', by_numpy)),
    }


def digits(service, rows):
    images = np.array([row['image'] for row in rows])
    named = InferenceRequest(id='mlserver-numpy', inputs=[NumpyCodec.encode_input('image', images)])
    # The codec names its only input input-1.
    unnamed = NumpyRequestCodec.encode_request(images.astype(np.float32))
    unnamed.id = 'mlserver-unnamed'
    return {
        'named': decoded(service.infer('DigitsModel', named)),
        'unnamed': decoded(service.infer('DigitsModel', unnamed)),
        'refusal': service.refusal('DigitsModel', InferenceRequest(inputs=[NumpyCodec.encode_input('a', images)])),
    }


def names(service, rows):
    names = [row['name'] for row in rows]
    named = InferenceRequest(id='mlserver-string', inputs=[StringCodec.encode_input('name', names)])
    unnamed = StringRequestCodec.encode_request(names, use_bytes=False)
    # MLServer 1.7.1 does not know the texts of pandas 3.
    frame = PandasCodec.encode_request(pd.DataFrame({'name': names}, dtype=object))
    return {
        'named': decoded(service.infer('XXXModel', named)),
        'unnamed': StringRequestCodec.decode_response(service.infer('XXXModel', unnamed)),
        'pandas': PandasCodec.decode_response(service.infer('XXXModel', frame)).to_dict('list'),
    }


def main(url):
    service, rows = Service(url), json.load(sys.stdin)
    answers = {
        'wines': wines(service, rows['WineModel']),
        'digits': digits(service, rows['DigitsModel']),
        'names': names(service, rows['XXXModel']),
    }
    json.dump(answers, sys.stdout)


if __name__ == '__main__':
    main(*sys.argv[1:])
