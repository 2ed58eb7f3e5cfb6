"""docs/make_screenshots.py makes the picture of the README from a running service."""

import struct

import pytest


@pytest.mark.long
def test_the_picture_is_made(service):
    picture = service.folder / 'docs' / 'images' / 'page.png'
    picture.unlink()
    finished = service.run('.venv/bin/python', 'docs/make_screenshots.py', service.url)
    assert finished.returncode == 0, finished.stderr
    data = picture.read_bytes()
    width, height = struct.unpack('>II', data[16:24])
    # 1280 pixels at one and a half times, and the whole card, the answer included.
    assert (data[:8], width) == (b'\x89PNG\r\n\x1a\n', 1920)
    assert 1000 < height < 1500
