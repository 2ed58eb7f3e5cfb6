"""Nothing that comes from outside is run, nothing is asked of another host."""

import re

import pytest
from playwright.sync_api import expect

from tests.page.conftest import DOCS, open_model, send, send_json


def test_everything_is_put_in_as_text(gallery_page):
    """Names, titles, choices, descriptions, examples, answers, errors, snippets, history."""
    card = open_model(gallery_page, '/v1/HostileModel')
    send(card)
    card.locator('details').evaluate_all('all => all.forEach((details) => { details.open = true; })')
    expect(card.locator('dt').first).to_contain_text('<img src=x')
    expect(card.locator('.description')).to_contain_text('<img src=x')
    card.get_by_role('textbox').first.fill('<b>x</b>')
    send(card)
    expect(card.locator('.message')).to_contain_text('<b>x</b>')
    card.get_by_role('tab', name='JSON').click()
    send_json(card, '{"tree": 1, "<img src=x>": 1}')
    expect(gallery_page.locator('#calls')).to_contain_text('<b>x</b>')
    assert gallery_page.locator(':is(.card, .calls) :is(img[src=x], b, script)').count() == 0


def open_with(document, service, open_page):
    """Open the page of the service with another openapi.json."""
    page = open_page('about:blank')
    page.route('**/openapi.json', lambda route: route.fulfill(json=document))
    page.goto(service.url)
    return page


def test_what_the_description_says_is_text_too(service, open_page):
    """As is an address that cannot be called: see test_doctor.py."""
    hostile = '<img src=x>'
    document = service.get('/openapi.json').json()
    document['info']['title'] = hostile
    document['paths']['/v1/XXXModel']['post']['x-model'] |= {'name': hostile, 'problem': hostile}
    page = open_with(document, service, open_page)
    expect(page.locator('h1')).to_have_text(hostile)
    expect(open_model(page, '/v1/XXXModel').locator('h2')).to_have_text(hostile)
    expect(page.locator('.state')).to_have_text(f'not ready: {hostile}')
    expect(page.locator('#models')).to_contain_text(hostile)
    expect(page.locator('#summary')).to_have_text('· 3 of 4 models ready')
    assert page.locator('img[src=x]').count() == 0


def test_policy(service, page):
    ours, of_swagger_ui = (service.get(path).headers['Content-Security-Policy'] for path in ('/', '/docs/'))
    for policy in (ours, of_swagger_ui):
        assert "default-src 'none'" in policy
    # Swagger UI may have styles of its own in the page, but no scripts, and nothing of another host.
    assert 'unsafe' not in ours
    assert 'unsafe' not in of_swagger_ui.split('script-src ')[1].split(';')[0]
    assert 'http' not in of_swagger_ui
    page.goto(service.url)
    expect(page.locator('#submit')).to_be_visible()
    refused = page.evaluate(
        """() => new Promise((done) => {
            const refused = [];
            // Not every version of Chromium tells of a handler in an attribute, but none may run it.
            const note = ({effectiveDirective: directive}) =>
                directive !== 'script-src-attr' && refused.push(directive) === 3 && done(refused);
            document.addEventListener('securitypolicyviolation', note);
            document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}));
            document.body.append(Object.assign(document.createElement('script'), {src: 'https://example.com/a.js'}));
            const text = '<p id="refused" style="color: red" onclick="window.ran = 1">x</p>';
            document.body.insertAdjacentHTML('beforeend', text);
        })"""
    )
    assert sorted(refused) == ['script-src-elem', 'script-src-elem', 'style-src-attr']
    page.locator('#refused').click()
    assert page.evaluate('window.ran') is None


def test_every_request_goes_to_the_service(gallery_page, gallery):
    send(open_model(gallery_page, '/v1/PictureModel'))
    assert gallery_page.hosts == {gallery.url.removeprefix('http://')}


def test_links_lead_somewhere(service, open_page):
    page = open_page(service.url)
    expect(page.locator('.card').first).to_be_visible()
    links = {link.get_attribute('href') for link in page.locator(':is(nav, footer) a').all()}
    pages = {link for link in links if not link.startswith('#')}
    assert {f'{service.url}/docs/', f'{service.url}/openapi.json', 'guides.md'} <= pages
    # /README.md is that of the project. docs/README.md is in the list of all guides.
    assert {guide.name for guide in DOCS.glob('*.md')} - {'README.md'} <= pages
    for link in pages:
        answer = service.get(link.removeprefix(service.url) if '/' in link else f'/{link}')
        assert answer.status_code == 200, link


def test_key(service, open_page):
    """Where the service asks for a key: kept for the tab, sent as its header, never copied."""
    document = service.get('/openapi.json').json()
    document['components']['securitySchemes'] = {'key': {'type': 'apiKey', 'in': 'header', 'name': 'X-API-Key'}}
    page = open_with(document, service, open_page)
    page.get_by_label('API key').fill('secret')
    open_model(page, '/v1/XXXModel')
    with page.expect_request('**/v1/XXXModel') as caught:
        page.click('#submit')
    assert caught.value.headers['x-api-key'] == 'secret'
    card = page.locator('.card').first
    card.locator('.code-pane summary').click()
    for language in ('curl', 'jQuery', 'fetch', 'Python', 'TensorFlow Serving', 'tritonclient'):
        card.get_by_role('tab', name=language).click()
        expect(card.locator('.code-pane pre')).to_contain_text('YOUR_KEY')
        assert 'secret' not in card.locator('.code-pane pre').text_content()
    assert 'secret' not in page.evaluate('JSON.stringify(localStorage)')
    page.reload()
    expect(page.get_by_label('API key')).to_have_value('secret')


@pytest.mark.parametrize('language', ['english', 'chinese'])
def test_weight(language):
    """All script and style of our own that a visitor gets; jQuery comes from its package."""
    files = re.findall(r'(?:src|href)="page/(.+?\.(?:js|css))"', (DOCS / 'index.html').read_text())
    assert sum((DOCS / 'page' / name).stat().st_size for name in [*files, f'{language}.js']) < 80 * 1024
    scripts = {file.name for file in (DOCS / 'page').glob('*.js')}
    # The others are loaded when they are needed.
    needed = {'key.js', 'snippets.js', 'stream.js', 'triton.js', 'upload.js'}
    assert scripts - set(files) == {'english.js', 'chinese.js', *needed}


def test_both_languages_say_the_same():
    """Each sentence is there in both, with the same values filled in."""
    english, chinese = (sentences_of(f'{language}.js') for language in ('english', 'chinese'))
    assert english == chinese
    assert len(english) > 80


def sentences_of(name):
    """Return the keys of a language's sentences, each with the names of its values."""
    found = re.findall(r"^  '?([\w.]+)'?: '(.*)',$", (DOCS / 'page' / name).read_text(), re.MULTILINE)
    return {key: sorted(set(re.findall(r'{(\w+)}', text))) for key, text in found}
