"""Narrow and wide, light and dark, by keyboard alone, in Chinese; and what axe-core finds."""

import base64

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.page.conftest import open_model, send

# The lightest ink that is drawn.
INK = """() => {
    const paper = document.querySelector('.paper');
    const data = paper.getContext('2d').getImageData(0, 0, paper.width, paper.height).data;
    return Math.max(...data.filter((_, place) => place % 4 === 0 && data[place + 3] === 255));
}"""


def assert_no_fault(page):
    faults = Axe().run(page).response['violations']
    assert not faults, [(fault['id'], fault['help'], [node['html'] for node in fault['nodes']]) for fault in faults]


def assert_fits(page):
    assert page.evaluate('() => document.documentElement.scrollWidth <= innerWidth')


@pytest.mark.long
@pytest.mark.parametrize('scheme, width', [('dark', 360), ('light', 768), ('light', 1440)])
def test_each_model_fits_and_has_no_fault(gallery, open_page, scheme, width):
    """With its answer, or its error, and with all open that is folded."""
    page = open_page(gallery.url, color_scheme=scheme, viewport={'width': width, 'height': 900})
    expect(page.locator('.card')).to_be_visible()
    lightness = page.evaluate('getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)')
    assert (max(lightness) < 60) == (scheme == 'dark')
    for path in page.locator('#models a').evaluate_all('all => all.map((link) => link.hash.slice(1))'):
        card = open_model(page, path)
        send(card)
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        expect(card.locator('.code-pane pre')).not_to_be_empty()
        assert_fits(page)
        assert_no_fault(page)
        card.get_by_role('tab', name='JSON').click()
        assert_fits(page)


@pytest.mark.long
@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_doctor_fits_and_has_no_fault(static_host, open_page, scheme):
    page = open_page(static_host, color_scheme=scheme, viewport={'width': 360, 'height': 700})
    expect(page.get_by_role('alert')).to_be_visible()
    assert_fits(page)
    assert_no_fault(page)


@pytest.mark.long
def test_drawn_digit_is_seen_in_the_dark_and_in_the_light(service, open_page):
    """The ink has the colour of the text, and changes with it."""
    page = open_page(service.url, color_scheme='dark')
    expect(page.locator('.paper')).to_be_visible()
    assert page.evaluate(INK) > 200
    page.emulate_media(color_scheme='light')
    page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')
    assert page.evaluate(INK) < 60


@pytest.fixture
def page(gallery, open_page):
    return open_page(gallery.url)


def test_fields_by_keyboard(page):
    form = open_model(page, '/v1/FormModel')
    order = []
    form.get_by_role('tab', name='Form').focus()
    while 'submit' not in order and len(order) < 30:
        page.keyboard.press('Tab')
        order.append(page.evaluate('document.activeElement.id || document.activeElement.textContent'))
    labels = ['text', 'essay', 'weight', 'count', 'sure', 'colour', 'day', 'missing', 'row', 'rows', 'cells', 'tree']
    assert [name for name in dict.fromkeys(order) if name in labels] == labels
    # A text, a choice, a box, a date; then Enter in a field sends the form.
    form.get_by_label('text', exact=True).focus()
    page.keyboard.press('Control+a')
    page.keyboard.type('typed')
    form.get_by_label('colour').press('ArrowUp')
    form.get_by_label('sure').press('Space')
    form.get_by_label('day').focus()
    page.keyboard.type('12312026')
    with page.expect_request('**/v1/FormModel') as caught:
        page.keyboard.press('Enter')
    body = caught.value.post_data_json
    assert (body['text'], body['colour'], body['sure'], body['day']) == ('typed', 'green', False, '2026-12-31')


@pytest.mark.long
def test_tabs_by_keyboard(page):
    """The tabs by arrows; the code by Enter."""
    form = open_model(page, '/v1/FormModel')
    form.get_by_role('tab', name='Form').press('ArrowRight')
    expect(form.get_by_role('textbox', name='JSON')).to_be_visible()
    expect(form.get_by_role('tab', name='JSON')).to_be_focused()
    page.keyboard.press('ArrowLeft')
    form.locator('.code-pane summary').press('Enter')
    expect(form.get_by_role('tab', name='curl')).to_be_visible()
    page.keyboard.press('Tab')
    page.keyboard.press('ArrowLeft')
    expect(form.get_by_role('tab', name='tritonclient')).to_be_focused()
    page.keyboard.press('ArrowLeft')
    page.keyboard.press('ArrowLeft')
    expect(form.get_by_role('tab', name='Python')).to_be_focused()
    expect(form.locator('.code-pane pre')).to_contain_text('urlopen')
    # Where the focus is can be seen.
    assert page.evaluate('getComputedStyle(document.activeElement).outlineStyle') == 'solid'


@pytest.mark.long
def test_file_by_keyboard(page):
    # Else the key may come before Playwright has told the browser to ask it for the file.
    page.on('filechooser', lambda chooser: None)
    card = open_model(page, '/v1/FileModel')
    field = card.get_by_label('file', exact=True)
    field.focus()
    assert field.evaluate("input => getComputedStyle(input.closest('.drop')).outlineStyle") == 'solid'
    with page.expect_file_chooser() as chooser:
        page.keyboard.press('Enter')
    data = bytes(range(256)) * 20
    chooser.value.set_files({'name': 'a b.bin', 'mimeType': 'application/octet-stream', 'buffer': data})
    expect(card.locator('.drop')).to_contain_text('a b.bin · 5.0 KB')
    assert base64.b64decode(send(card)['file']) == data


def test_switch_for_the_language(service, open_page):
    """It is kept, and so is what was typed and answered."""
    page = open_page(f'{service.url}/#/v1/XXXModel')
    page.fill('#name', 'Ada')
    page.click('#submit')
    expect(page.locator('#result')).to_have_text('Hello, Ada!')
    page.get_by_label('Language').select_option('中文')
    expect(page.locator('#submit')).to_have_text('发送')
    expect(page.locator('#name')).to_have_value('Ada')
    expect(page.locator('#result')).to_have_text('Hello, Ada!')
    expect(page.locator('#summary')).to_have_text('· 4 个模型，4 个就绪')
    page.reload()
    expect(page.locator('#submit')).to_have_text('发送')
    page.get_by_label('语言').select_option('English')
    expect(page.locator('#submit')).to_have_text('Send')


def test_messages_of_the_service_in_chinese(service, open_page):
    page = open_page(f'{service.url}/#/v1/XXXModel', locale='zh-CN')
    page.get_by_role('tab', name='JSON').click()
    for body, message in (
        ('{}', '缺少必填属性“name”'),
        ('{"name": 7}', "name: 7 的类型不是 'string'"),
        ('', '请求中没有 JSON 对象'),
    ):
        page.get_by_role('textbox', name='JSON').fill(body)
        page.click('#submit')
        expect(page.locator('#result')).to_have_text(message)


@pytest.mark.long
def test_a_misspelt_property_in_chinese(gallery, open_page):
    """All of the message is translated, the hint too."""
    page = open_page(f'{gallery.url}/#/v1/FormModel', locale='zh-CN')
    page.get_by_role('tab', name='JSON').click()
    fields = '"text": "ab", "weight": 1, "missing": null, "colour": 3'
    for tree, message in (
        ('{"leaf": 1, "other": 1}', "tree: 不允许有属性 'other'"),
        ('{"leaf": 1, "leav": 1}', "tree: 不允许有属性 'leav'，是否应为 'leaf'？"),
    ):
        page.get_by_role('textbox', name='JSON').fill(f'{{{fields}, "tree": {tree}}}')
        page.get_by_role('button', name='发送').click()
        expect(page.locator('.result .message')).to_have_text(message)


def test_switch_for_the_theme(service, open_page):
    """It goes before the theme of the system, and is kept; the drawn ink follows it."""
    ground = 'getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)'
    page = open_page(service.url, color_scheme='light')
    page.get_by_label('Theme').select_option('Dark')
    assert max(page.evaluate(ground)) < 60
    assert page.evaluate(INK) > 200
    page.reload()
    assert max(page.evaluate(ground)) < 60
    page.get_by_label('Theme').select_option('Automatic')
    assert min(page.evaluate(ground)) > 200


@pytest.mark.parametrize(
    'locale, sends', [('zh-CN', '发送'), pytest.param('zh-TW', '发送', marks=pytest.mark.long), ('de-DE', 'Send')]
)
def test_language_of_the_browser(service, open_page, locale, sends):
    page = open_page(f'{service.url}/#/v1/XXXModel', locale=locale)
    expect(page.locator('#submit')).to_have_text(sends)
    assert page.locator('html').get_attribute('lang') == ('zh-CN' if locale.startswith('zh') else 'en')
    page.click('#submit')
    # What the model says stays as it is.
    expect(page.locator('#result')).to_have_text('Hello, Leo!')
