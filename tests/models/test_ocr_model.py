import io
import struct
import zlib
from base64 import b64encode

import pytest

from tests.conftest import memory
from tests.formats.answers import predict, refused

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


def instance(file):
    return {'image': b64encode(file).decode()}


def read(service, file):
    return predict(service, 'OCRModel', instance(file))['lines']


def is_read(service, file):
    """Tell whether the text was read, but for the spaces: the model drops those between two scripts."""
    words = [line['text'].replace(' ', '') for line in read(service, file)]
    return words == [line.replace(' ', '') for line in TEXT]


def test_chinese_and_english_lines_with_their_places(service, page_of_text):
    assert is_read(service, file_of(page_of_text))
    for number, line in enumerate(read(service, file_of(page_of_text))):
        assert line['confidence'] > 0.8
        assert all(10 <= x <= 250 and 50 * number <= y <= 50 * number + 70 for x, y in line['box'])


def transparent(page):
    ink = page.convert('L').point(lambda grey: 255 - grey)
    picture = page.convert('RGBA')
    picture.paste('black', (0, 0, *page.size))
    picture.putalpha(ink)
    return file_of(picture)


def on_its_side(page):
    """Return a photograph that is turned a quarter to the left, with the note that says so."""
    turned = page.transpose(2)
    exif = turned.getexif()
    exif[0x0112] = 6
    return file_of(turned, 'JPEG', exif=exif)


def large(page):
    """Return a bitmap, which is not compressed: 1000 × 500 pixels take 1.5 MB, and 2 MB of base64."""
    return file_of(page.resize((1000, 500)), 'BMP')


@pytest.mark.parametrize('make', ['JPEG', 'WEBP', 'GIF', 'BMP', transparent, on_its_side, large])
def test_other_files(service, page_of_text, make):
    assert is_read(service, make(page_of_text) if callable(make) else file_of(page_of_text, make))


def test_a_picture_as_it_is(service, page_of_text):
    """In a form and alone: the same answer as for base64."""
    file = file_of(page_of_text, 'JPEG')
    url, wanted = '/v1/OCRModel', read(service, file)
    form = service.post(url, files={'image': ('a photo.jpg', file)})
    alone = service.post(url, data=file, headers={'Content-Type': 'image/jpeg'})
    assert form.json()['result']['lines'] == alone.json()['result']['lines'] == wanted


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
        assert f'{width} × {height} pixels are too many' in refused(service, 'OCRModel', instance(claimed))
    # Decoded, each pixel of the smallest one would take three bytes.
    assert peak() - before < 5000 * 4000 * 3 / 2


def test_what_is_no_picture_is_the_clients_mistake(service, page_of_text):
    png = file_of(page_of_text)
    for file, message in (
        (b'', 'image: is not a picture'),
        (b'%!PS-Adobe-3.0 EPSF-3.0', 'image: is not a picture'),
        (png[:1000], 'image: a broken PNG'),
        (png[:500] + b'?' * 100 + png[600:], 'image: a broken PNG'),
    ):
        assert refused(service, 'OCRModel', instance(file)).startswith(message)
    assert 'not base64' in refused(service, 'OCRModel', {'image': 'a picture'})


def test_known_weaknesses(service):
    """What docs/models.md says of them."""
    lines = ['Привет мир', 'élève', '0O1Il|']
    for line, found in zip(lines, read(service, file_of(picture_of(lines))), strict=True):
        assert found['text'] != line
    assert not is_read(service, file_of(picture_of(TEXT, size=6)))
