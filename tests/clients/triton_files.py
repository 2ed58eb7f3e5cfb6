"""What Triton's client gets for files as raw bytes: triton_files.py URL http|aio; prints JSON.

Beside triton_client.py, since the model is one of tests/fakes/file_bytes.py.
"""

import asyncio
import hashlib
import json
import sys

import numpy as np
import tritonclient.http as http
from triton_client import outputs_of, settled
from tritonclient.http import InferInput, aio

# Not UTF-8, and with bytes that NumPy's own texts would drop from their ends.
FILES = [bytes(range(256)), b'\xff\xfe\x00\x00', b'\x00', b'%PDF-\xc3\x28' * 5000]


async def main(url, kind):
    module = http if kind == 'http' else aio
    client = module.InferenceServerClient(url.removeprefix('http://'))
    files = InferInput('file', [len(FILES), 1], 'BYTES')
    files.set_data_from_numpy(np.array([[each] for each in FILES], dtype=object), binary_data=True)
    try:
        result = await settled(client.infer('FileBytesModel', [files]))
    finally:
        await settled(client.close())
    sent = {'length': list(map(len, FILES)), 'sha256': [hashlib.sha256(each).hexdigest() for each in FILES]}
    json.dump({'sent': sent, 'got': outputs_of(result)}, sys.stdout)


if __name__ == '__main__':
    asyncio.run(main(*sys.argv[1:]))
