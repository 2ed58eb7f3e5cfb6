import base64
import io
import re
import struct
import zlib
from pathlib import Path

import pytest

pytestmark = pytest.mark.examples

TEXT = ['Hello, Leo!', '模型服务', 'Flask 2018']


def encoded(image, kind='PNG', **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return base64.b64encode(file.getvalue()).decode()


def picture_of(lines, size=30):
    """Return a picture of 400 × 200 pixels with the lines, each 50 pixels below the other."""
    from PIL import Image, ImageDraw, ImageFont
    from pylopdf_fonts_zh_cn import sans_path

    image = Image.new('RGB', (400, 200), 'white')
    font = ImageFont.truetype(sans_path(), size)
    for number, line in enumerate(lines):
        ImageDraw.Draw(image).text((30, 15 + 50 * number), line, font=font, fill='black')
    return image


@pytest.fixture(scope='module')
def page_of_text():
    return picture_of(TEXT)


def read(service, text):
    answer = service.post('/v1/OCRModel', json={'image': text})
    assert answer.status_code == 200, answer.text
    return answer.json()['result']['lines']


def words(lines):
    """Return what was read, without the spaces: the model drops those between two scripts."""
    return [line['text'].replace(' ', '') for line in lines]


def refusal(service, text):
    answer = service.post('/v1/OCRModel', json={'image': text})
    assert answer.status_code == 400
    (error,) = answer.json()['errors']
    assert error['path'] == 'image'
    return error['message']


def test_chinese_and_english_lines_with_their_places(service, page_of_text):
    lines = read(service, encoded(page_of_text))
    assert words(lines) == [line.replace(' ', '') for line in TEXT]
    for number, line in enumerate(lines):
        assert line['confidence'] > 0.8
        assert all(10 <= x <= 250 and 50 * number <= y <= 50 * number + 70 for x, y in line['box'])


@pytest.mark.parametrize('kind', ['JPEG', 'WEBP', 'GIF', 'BMP'])
def test_other_kinds_of_files(service, page_of_text, kind):
    assert words(read(service, encoded(page_of_text, kind))) == [line.replace(' ', '') for line in TEXT]


def test_transparent_paper_counts_as_white(service, page_of_text):
    ink = page_of_text.convert('L').point(lambda grey: 255 - grey)
    transparent = page_of_text.convert('RGBA')
    transparent.paste('black', (0, 0, *page_of_text.size))
    transparent.putalpha(ink)
    assert words(read(service, encoded(transparent))) == [line.replace(' ', '') for line in TEXT]


def test_a_photograph_that_lies_on_its_side_is_read_upright(service, page_of_text):
    turned = page_of_text.transpose(2)  # a quarter to the left, and the note that says so
    exif = turned.getexif()
    exif[0x0112] = 6
    assert words(read(service, encoded(turned, 'JPEG', exif=exif))) == [line.replace(' ', '') for line in TEXT]


def test_a_picture_without_text(service):
    from PIL import Image

    assert read(service, encoded(Image.new('RGB', (300, 200), 'white'))) == []
    assert read(service, encoded(Image.new('L', (1, 1)))) == []
    assert read(service, encoded(Image.new('L', (3, 1000), 255))) == []


def claiming(size, png):
    """Return a PNG file whose header says that the picture has `size`."""
    header = b'IHDR' + struct.pack('>II', *size) + png[24:29]
    return png[:12] + header + struct.pack('>I', zlib.crc32(header)) + png[33:]


def peak_memory(service):
    """Return the most kilobytes that any worker has had in memory."""
    statuses = (Path(f'/proc/{pid}/status').read_text() for pid in service.worker_pids)
    return max(int(re.search(r'VmHWM:\s+(\d+) kB', status)[1]) for status in statuses)


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(service, page_of_text):
    png = base64.b64decode(encoded(page_of_text))
    before = peak_memory(service)
    # The last one is a strip, which the detector would enlarge to as many.
    for size in (5000, 4000), (9000, 9000), (100_000, 100_000), (1, 60_000):
        claimed = base64.b64encode(claiming(size, png)).decode()
        assert f'{size[0]} × {size[1]} pixels are too many' in refusal(service, claimed)
    assert peak_memory(service) - before < 30_000


def test_what_is_no_picture_is_the_clients_mistake(service, page_of_text):
    png = base64.b64decode(encoded(page_of_text))
    assert 'not base64' in refusal(service, 'a picture')
    assert 'is no picture' in refusal(service, '')
    assert 'is no picture' in refusal(service, base64.b64encode(b'%!PS-Adobe-3.0 EPSF-3.0').decode())
    assert 'broken PNG' in refusal(service, base64.b64encode(png[:1000]).decode())
    assert 'broken PNG' in refusal(service, base64.b64encode(png[:500] + b'?' * 100 + png[600:]).decode())


def test_a_picture_larger_than_a_megabyte(service, page_of_text):
    # A bitmap is not compressed, so 1000 × 500 pixels take 1.5 MB, and 2 MB of base64.
    large = page_of_text.resize((1000, 500))
    assert len(encoded(large, 'BMP')) > 2_000_000 - 10
    assert words(read(service, encoded(large, 'BMP'))) == [line.replace(' ', '') for line in TEXT]


def test_known_weaknesses(service):
    """What docs/models.md says of them."""
    lines = ['Привет мир', 'élève', '0O1Il|']
    for line, found in zip(lines, read(service, encoded(picture_of(lines))), strict=True):
        assert found['text'] != line
    small = read(service, encoded(picture_of(TEXT, size=6)))
    assert words(small) != [line.replace(' ', '') for line in TEXT]
