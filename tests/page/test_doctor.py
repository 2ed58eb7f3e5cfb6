"""What the page says when it can't reach a service, and how to mend that."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.conftest import free_port
from tests.page.conftest import DOCS, FILE, QuietHandler, serving


class OpenHandler(QuietHandler):
    """Some other program, which allows calls from everywhere."""

    def end_headers(self):
        self.send_header('Access-Control-Allow-Origin', '*')
        super().end_headers()


@pytest.fixture
def places(static_host):
    with serving(OpenHandler) as other_program:
        dead = f'http://127.0.0.1:{free_port()}'
        yield {'file': FILE, 'host': static_host, 'dead': dead, 'other_program': other_program}


@pytest.fixture
def page(browser):
    """A page whose failed calls are no fault of it, as they are elsewhere."""
    with browser.new_context(locale='en-US') as context:
        yield context.new_page()


@pytest.mark.parametrize(
    'url, said',
    [
        ('{file}?api={dead}', ['Nothing answers at {dead}', 'bin/start.sh']),
        pytest.param('{host}?api={dead}', ['Nothing answers at {dead}', 'bin/start.sh'], marks=pytest.mark.long),
        ('{file}?api=models.invalid:9999', ['curl -i http://models.invalid:9999/health/live']),
        pytest.param('{file}?api=http://0.0.0.0:9999', ['127.0.0.1'], marks=pytest.mark.long),
        pytest.param('{file}?api=ftp://127.0.0.1', ['ftp://127.0.0.1 is not an address'], marks=pytest.mark.long),
        pytest.param('{file}?api=http://127.0.0.1:port', ['http://host:9999'], marks=pytest.mark.long),
        pytest.param('{file}?api=javascript:alert(1)', ['is not an address'], marks=pytest.mark.long),
        ('{file}?api=<img src=x>', ['<img src=x>']),
        ('{file}?api={host}', ['does not allow calls from other sites (CORS)', 'Access-Control-Allow-Origin: *']),
        pytest.param(
            '{file}?api={other_program}', ['{other_program} answers 404 to /openapi.json'], marks=pytest.mark.long
        ),
        ('{host}/', ['name the service in its address:', '?api=http://127.0.0.1:9999']),
    ],
)
def test_it_says_what_is_wrong_and_how_to_mend_it(page, places, url, said):
    page.goto(url.format(**places))
    for text in said:
        expect(page.get_by_role('alert')).to_contain_text(text.format(**places))
    assert page.locator('img[src=x]').count() == 0
    # What is typed as an address is a link only if it is one of http.
    address = page.locator('#address')
    assert (address.get_attribute('href') or 'http').startswith('http')


def test_secure_page_and_insecure_service(page):
    """The page by https, its files given by the test: Chromium has no certificate for a host of ours."""
    files = {f'/{path.relative_to(DOCS).as_posix()}': path for path in (DOCS / 'page').iterdir()}
    files['/'] = DOCS / 'index.html'

    def answer(route):
        path = files.get(urlsplit(route.request.url).path)
        route.fulfill(path=path) if path else route.abort()

    page.route('**/*', answer)
    page.goto('https://page.example/?api=http://models.example')
    alert = page.get_by_role('alert')
    expect(alert).to_contain_text('the browser does not let it call http://models.example')
    expect(alert).to_contain_text('by https too')


def test_other_address_is_tried(page, service, static_host):
    page.goto(static_host)
    alert = page.get_by_role('alert')
    alert.get_by_label('Address of the service').fill(service.url.removeprefix('http://'))
    alert.get_by_role('button', name='Connect').click()
    expect(page.locator('#submit')).to_be_visible()
    expect(alert).to_be_hidden()


def test_no_jquery_to_be_had(page, service):
    page.route('**/jquery*', lambda route: route.abort())
    page.goto(service.url)
    expect(page.get_by_role('alert')).to_contain_text('jQuery could not be loaded')
    expect(page.get_by_role('alert')).to_contain_text('3.7.1')
