"""What MLServer's codec for files gets: mlserver_files.py URL; prints JSON.

Beside mlserver_client.py, since the model is one of tests/fakes/file_bytes.py.
"""

import json
import sys

from files import FILES
from mlserver.codecs import Base64Codec
from mlserver.types import InferenceRequest
from mlserver_client import Service, decoded

if __name__ == '__main__':
    request = InferenceRequest(inputs=[Base64Codec.encode_input('file', FILES)])
    json.dump(decoded(Service(sys.argv[1]).infer('FileBytesModel', request)), sys.stdout)
