"""The files that the clients send as bytes, and what the model of tests/fakes/file_bytes.py should answer."""

import hashlib

# Not UTF-8, and with zeros, which NumPy's own texts would drop from their ends.
FILES = [bytes(range(256)), b'\xff\xfe\x00\x00', b'\x00', b'%PDF-\xc3\x28' * 5000]
EXPECTED = {'length': list(map(len, FILES)), 'sha256': [hashlib.sha256(each).hexdigest() for each in FILES]}
