"""The list of models, its search, the address of each model, and what is kept of a model that is left."""

import pytest
from playwright.sync_api import expect

from tests.page.conftest import open_model, send


@pytest.fixture
def page(gallery, open_page):
    return open_page(gallery.url)


def shown(page):
    return [text.strip() for text in page.locator('#models li:visible .name').all_text_contents()]


def test_it_opens_on_a_model_that_shows_something(service, open_page):
    page = open_page(service.url)
    expect(page.locator('.card')).to_have_count(1)
    expect(page.locator('.card h2')).to_have_text('DigitsModel')
    expect(page.locator('#models [aria-current=page]')).to_contain_text('DigitsModel')
    expect(page).to_have_title('DigitsModel · Model Serving Demo')


def test_each_model_has_an_address(page, gallery):
    page.locator('#models').get_by_role('link', name='WineModel').click()
    expect(page).to_have_url(f'{gallery.url}/#/v1/WineModel')
    expect(page.locator('.card h2')).to_have_text('WineModel')
    page.get_by_role('link', name='AnyModel v2').click()
    expect(page.locator('#v2-AnyModel')).to_be_visible()
    page.go_back()
    expect(page.locator('.card h2')).to_have_text('WineModel')
    page.reload()
    expect(page.locator('.card h2')).to_have_text('WineModel')


@pytest.mark.long
def test_address_of_no_model(page, gallery):
    for path in ('/v1/Nowhere', '/v1/%ZZ', '/v1/__proto__'):
        page.goto(f'{gallery.url}/#{path}')
        expect(page.locator('#notice')).to_have_text(f'There is no model at {path}. Another one is shown.')
    open_model(page, '/v1/WineModel')
    expect(page.locator('#notice')).to_be_hidden()


def test_search(page):
    search = page.get_by_role('searchbox', name='Search models')
    search.fill('any')
    assert shown(page) == ['ManyModel', 'AnyModel', 'AnyModel']
    search.fill('any v2')
    assert shown(page) == ['AnyModel']
    # By what a model does, too.
    search.fill('nested arrays')
    assert shown(page) == ['CubeModel']
    search.fill('nothing like it')
    expect(page.locator('#no-match')).to_have_text('No model has this in its name or description.')
    search.fill('')
    assert len(shown(page)) == 11


def test_menu_on_a_phone(gallery, open_page):
    page = open_page(gallery.url, viewport={'width': 360, 'height': 700})
    menu = page.get_by_role('button', name='Models: FormModel v1')
    expect(page.locator('#models')).to_be_hidden()
    menu.click()
    expect(menu).to_have_attribute('aria-expanded', 'true')
    page.get_by_role('link', name='FileModel').click()
    expect(page.locator('.card h2')).to_have_text('FileModel')
    expect(page.locator('#models')).to_be_hidden()
    expect(page.get_by_role('button', name='Models: FileModel v1')).to_be_visible()


def test_what_was_typed_and_answered_is_there_on_return(page):
    form = open_model(page, '/v1/FormModel')
    form.get_by_label('text', exact=True).fill('typed')
    send(form)
    open_model(page, '/v1/WineModel')
    open_model(page, '/v1/FormModel')
    expect(form.get_by_label('text', exact=True)).to_have_value('typed')
    expect(form.locator('dt:text-is("text") + dd')).to_have_text('typed')
