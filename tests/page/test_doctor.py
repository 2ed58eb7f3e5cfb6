"""What the page says when it can't reach a service, and how to mend that."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.conftest import free_port
from tests.page.conftest import BASE_FOLDER, QuietHandler, serving

DOCS = BASE_FOLDER / 'docs'
FILE = (DOCS / 'index.html').as_uri()


class OpenHandler(QuietHandler):
    """Some other program, which allows calls from everywhere."""

    def end_headers(self):
        self.send_header('Access-Control-Allow-Origin', '*')
        super().end_headers()


@pytest.fixture
def other_program():
    with serving(OpenHandler) as url:
        yield url


@pytest.fixture
def diagnosis(browser):
    """A function that opens the page and returns what its doctor says. Its refused calls are no fault of the page."""
    context = browser.new_context(locale='en-US')

    def diagnose(url):
        page = context.new_page()
        page.goto(url)
        return page.get_by_role('alert')

    yield diagnose
    context.close()


@pytest.mark.parametrize('place', [FILE, 'static host'])
def test_service_that_does_not_run(diagnosis, static_host, place):
    api = f'http://127.0.0.1:{free_port()}'
    alert = diagnosis(f'{static_host if place == "static host" else place}?api={api}')
    expect(alert).to_contain_text(f'Nothing answers at {api}')
    expect(alert).to_contain_text('bin/start.sh')


def test_unknown_host(diagnosis):
    alert = diagnosis(f'{FILE}?api=models.invalid:9999')
    expect(alert).to_contain_text('Nothing answers at http://models.invalid:9999')
    expect(alert).to_contain_text('curl -i http://models.invalid:9999/health/live')


@pytest.mark.parametrize(
    'given, said',
    [
        ('http://0.0.0.0:9999', '127.0.0.1'),
        ('ftp://127.0.0.1', 'ftp://127.0.0.1 is not an address'),
        ('http://127.0.0.1:port', 'http://host:9999'),
        ('javascript:alert(1)', 'is not an address'),
    ],
)
def test_address_that_can_not_be_called(diagnosis, given, said):
    expect(diagnosis(f'{FILE}?api={given}')).to_contain_text(said)


def test_cross_origin_calls_not_allowed(diagnosis, static_host):
    alert = diagnosis(f'{FILE}?api={static_host}')
    expect(alert).to_contain_text('does not allow calls from other sites (CORS)')
    expect(alert).to_contain_text('Access-Control-Allow-Origin: *')


def test_other_program(diagnosis, other_program):
    expect(diagnosis(f'{FILE}?api={other_program}')).to_contain_text(f'{other_program} answers 404 to /openapi.json')


def test_static_host_without_a_service(diagnosis, static_host):
    alert = diagnosis(f'{static_host}/')
    expect(alert).to_contain_text('name the service in its address:')
    expect(alert.locator('pre')).to_have_text('?api=http://127.0.0.1:9999')


def test_secure_page_and_insecure_service(browser):
    """The page by https, its files given by the test: Chromium has no certificate for a host of ours."""
    context = browser.new_context(locale='en-US')
    page = context.new_page()
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
    context.close()


def test_other_address_is_tried(diagnosis, service, static_host):
    alert = diagnosis(f'{static_host}/')
    alert.get_by_label('Address of the service').fill(service.url.removeprefix('http://'))
    alert.get_by_role('button', name='Connect').click()
    expect(alert.page.locator('#name')).to_be_visible()
    expect(alert).to_be_hidden()


def test_no_jquery_to_be_had(browser, service):
    context = browser.new_context(locale='en-US')
    page = context.new_page()
    page.route('**/jquery*', lambda route: route.abort())
    page.goto(service.url)
    expect(page.get_by_role('alert')).to_contain_text('jQuery could not be loaded')
    expect(page.get_by_role('alert')).to_contain_text('3.7.1')
    context.close()
