"""What Triton's client gets for files as raw bytes: triton_files.py URL http|aio; prints JSON.

Beside triton_client.py, since the model is one of tests/fakes/file_bytes.py.
"""

import asyncio
import json
import sys

import numpy as np
import tritonclient.http as http
from files import FILES
from triton_client import outputs_of, settled
from tritonclient.http import InferInput, aio


async def main(url, kind):
    client = (http if kind == 'http' else aio).InferenceServerClient(url.removeprefix('http://'))
    files = InferInput('file', [len(FILES), 1], 'BYTES')
    files.set_data_from_numpy(np.array([[each] for each in FILES], dtype=object), binary_data=True)
    try:
        json.dump(outputs_of(await settled(client.infer('FileBytesModel', [files]))), sys.stdout)
    finally:
        await settled(client.close())


if __name__ == '__main__':
    asyncio.run(main(*sys.argv[1:]))
