"""The guides as pages of the service: their links, their chapters, and how they look."""

import re
from urllib.parse import unquote, urldefrag, urljoin

import pytest
from playwright.sync_api import expect

from tests.page.conftest import DOCS
from tests.page.test_looks import assert_fits, assert_no_fault

ADDRESS = re.compile(r'(?:href|src)="([^"]+)"')


@pytest.fixture(scope='module')
def answers(service) -> dict:
    """All files of the service that one gets to from the README, by following links: URL → answer."""
    found, waiting = {}, [f'{service.url}/README.md']
    while waiting:
        url = waiting.pop()
        if url in found or not url.startswith(service.url):
            continue
        found[url] = service.get(url.removeprefix(service.url))
        if url.endswith('.md'):
            waiting += [urldefrag(urljoin(url, address)).url for address in ADDRESS.findall(found[url].text)]
    return found


def test_every_link_leads_somewhere(answers, service):
    assert {url: answer.status_code for url, answer in answers.items() if answer.status_code != 200} == {}
    names = {url.removeprefix(f'{service.url}/docs/') for url in answers}
    assert {guide.name for guide in DOCS.glob('*.md')} <= names
    assert {'images/page.png', 'benchmarks.svg'} <= names
    # Programs and settings of the repository are named, but not served.
    assert not any(url.endswith(('.py', '.conf')) for url in answers)


def test_every_fragment_is_the_id_of_a_heading(answers):
    pages = {url: answer.text for url, answer in answers.items() if url.endswith('.md')}
    for url, text in pages.items():
        for target, fragment in (urldefrag(urljoin(url, address)) for address in ADDRESS.findall(text)):
            if fragment and target in pages:
                assert f'id="{unquote(fragment)}"' in pages[target], (url, target, fragment)


@pytest.mark.parametrize(
    'path', ['/docs/none.md', '/none.md', f'/docs/{"a" * 300}.md', f'/{"a" * 300}.md', '/docs/%2e%2e.md']
)
def test_a_guide_that_is_not_there(service, path):
    answer = service.get(path)
    assert (answer.status_code, answer.json()['message']) == (
        404,
        'There is no such guide. /docs/guides.md lists them all.',
    )


@pytest.fixture
def guide(service, open_page):
    return open_page(f'{service.url}/docs/add-a-model.md')


def test_a_guide_is_read_as_a_page(guide):
    expect(guide).to_have_title('Add a model · Model Serving Demo')
    expect(guide.locator('main h1')).to_have_text('Add a model')
    expect(guide.locator('main table').first).to_contain_text('three lines')
    expect(guide.locator('main pre').first).to_contain_text('[model]')
    # The comments in the Markdown are for its tests.
    assert 'not run' not in guide.locator('main').inner_text()


def test_from_chapter_to_chapter_and_from_guide_to_guide(guide, service):
    guide.get_by_role('navigation', name='On this page').get_by_role('link', name='2. A class with predict').click()
    expect(guide).to_have_url(f'{service.url}/docs/add-a-model.md#2-a-class-with-predict')
    expect(guide.get_by_role('heading', name='2. A class with predict')).to_be_in_viewport()
    guides = guide.get_by_role('navigation', name='Guides')
    expect(guides.locator('[aria-current=page]')).to_have_text('Add a model')
    guides.get_by_role('link', name='Benchmarks').click()
    expect(guide.locator('h1')).to_have_text('Benchmarks')
    assert guide.locator('main img').evaluate('image => image.naturalWidth') > 300
    guide.get_by_role('link', name='Model Serving Demo').click()
    expect(guide.locator('.card')).to_be_visible()


@pytest.mark.long
def test_the_links_of_the_page_open_guides(service, open_page):
    page = open_page(service.url)
    page.get_by_role('link', name='Call the service').click()
    expect(page).to_have_url(f'{service.url}/docs/call.md')
    expect(page.locator('h1')).to_have_text('Call the service')
    page.goto(service.url)
    page.get_by_role('link', name='All guides').click()
    expect(page).to_have_url(f'{service.url}/docs/guides.md')
    page.get_by_role('navigation', name='Guides').get_by_role('link', name='Get started').click()
    expect(page.locator('[aria-current=page]')).to_have_text('Get started')


@pytest.mark.long
def test_the_chosen_theme_holds_for_the_guides(service, open_page):
    page = open_page(service.url, color_scheme='light')
    page.get_by_label('Theme').select_option('Dark')
    page.goto(f'{service.url}/docs/call.md')
    assert max(page.evaluate('getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)')) < 60


LOOKS = [('light', 1440), ('dark', 360), ('light', 768)]
PAGES = ['README.md', 'docs/configuration.md', 'docs/guides.md']


@pytest.mark.parametrize(
    'name, scheme, width',
    [
        # In the default run each page once, and each look.
        pytest.param(page, *look, marks=[] if number == place else pytest.mark.long)
        for number, page in enumerate(PAGES)
        for place, look in enumerate(LOOKS)
    ],
)
def test_it_fits_and_has_no_fault(service, open_page, name, scheme, width):
    page = open_page(f'{service.url}/{name}', color_scheme=scheme, viewport={'width': width, 'height': 900})
    expect(page.locator('main h1')).to_be_visible()
    assert_fits(page)
    assert_no_fault(page)


@pytest.mark.long
def test_a_chinese_guide_is_marked_as_such(service, open_page):
    page = open_page(f'{service.url}/docs/README.zh-CN.md')
    assert page.locator('html').get_attribute('lang') == 'zh-CN'
    page.get_by_role('navigation', name='本页内容').get_by_role('link', name='添加模型').click()
    expect(page.get_by_role('heading', name='添加模型')).to_be_in_viewport()
