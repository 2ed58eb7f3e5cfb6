import io
import struct
import zlib
from base64 import b64encode

import pytest

from tests.conftest import memory
from tests.formats.answers import predict

pytestmark = pytest.mark.examples

TEXT = ['Hello, Leo!', '模型服务', 'Flask 2018']


def file_of(image, kind='PNG', **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


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


def read(service, file):
    return predict(service, 'OCRModel', {'image': b64encode(file).decode()})['lines']


def is_read(service, file):
    """Tell whether the text was read, but for the spaces: the model drops those between two scripts."""
    words = [line['text'].replace(' ', '') for line in read(service, file)]
    return words == [line.replace(' ', '') for line in TEXT]


def refusal(service, file):
    answer = service.post('/v1/OCRModel', json={'image': b64encode(file).decode()})
    assert answer.status_code == 400
    (error,) = answer.json()['errors']
    assert error['path'] == 'image'
    return error['message']


def test_chinese_and_english_lines_with_their_places(service, page_of_text):
    assert is_read(service, file_of(page_of_text))
    for number, line in enumerate(read(service, file_of(page_of_text))):
        assert line['confidence'] > 0.8
        assert all(10 <= x <= 250 and 50 * number <= y <= 50 * number + 70 for x, y in line['box'])


@pytest.mark.parametrize('kind', ['JPEG', 'WEBP', 'GIF', 'BMP'])
def test_other_kinds_of_files(service, page_of_text, kind):
    assert is_read(service, file_of(page_of_text, kind))


def test_transparent_paper_counts_as_white(service, page_of_text):
    ink = page_of_text.convert('L').point(lambda grey: 255 - grey)
    transparent = page_of_text.convert('RGBA')
    transparent.paste('black', (0, 0, *page_of_text.size))
    transparent.putalpha(ink)
    assert is_read(service, file_of(transparent))


def test_a_photograph_that_lies_on_its_side_is_read_upright(service, page_of_text):
    turned = page_of_text.transpose(2)  # a quarter to the left, and the note that says so
    exif = turned.getexif()
    exif[0x0112] = 6
    assert is_read(service, file_of(turned, 'JPEG', exif=exif))


@pytest.mark.parametrize('size', [(300, 200), (1, 1), (3, 1000)])
def test_a_picture_without_text(service, size):
    from PIL import Image

    assert read(service, file_of(Image.new('L', size, 'white'))) == []


def claiming(size, png):
    """Return a PNG file whose header says that the picture has `size`."""
    header = b'IHDR' + struct.pack('>II', *size) + png[24:29]
    return png[:12] + header + struct.pack('>I', zlib.crc32(header)) + png[33:]


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(service, page_of_text):
    def peak():
        return max(memory(pid, 'VmHWM') for pid in service.worker_pids)

    before = peak()
    # The last one is a strip, which the detector would enlarge to as many.
    for width, height in (5000, 4000), (9000, 9000), (100_000, 100_000), (1, 60_000):
        claimed = claiming((width, height), file_of(page_of_text))
        assert f'{width} × {height} pixels are too many' in refusal(service, claimed)
    # Decoded, each pixel of the smallest one would take three bytes.
    assert peak() - before < 5000 * 4000 * 3 / 2


def test_what_is_no_picture_is_the_clients_mistake(service, page_of_text):
    png = file_of(page_of_text)
    assert 'is no picture' in refusal(service, b'')
    assert 'is no picture' in refusal(service, b'%!PS-Adobe-3.0 EPSF-3.0')
    assert 'broken PNG' in refusal(service, png[:1000])
    assert 'broken PNG' in refusal(service, png[:500] + b'?' * 100 + png[600:])
    assert 'not base64' in service.post('/v1/OCRModel', json={'image': 'a picture'}).json()['message']


def test_a_picture_larger_than_a_megabyte(service, page_of_text):
    # A bitmap is not compressed, so 1000 × 500 pixels take 1.5 MB, and 2 MB of base64.
    large = file_of(page_of_text.resize((1000, 500)), 'BMP')
    assert len(large) >= 1_500_000
    assert is_read(service, large)


def test_known_weaknesses(service):
    """What docs/models.md says of them."""
    lines = ['Привет мир', 'élève', '0O1Il|']
    for line, found in zip(lines, read(service, file_of(picture_of(lines))), strict=True):
        assert found['text'] != line
    assert not is_read(service, file_of(picture_of(TEXT, size=6)))
