"""Swagger UI at /docs, and the setting that takes it and the page away."""

from playwright.sync_api import expect

from model_serving.app import create_app
from model_serving.utils.conf_utils import Conf


def test_swagger_ui_calls_a_model(service, open_page):
    page = open_page(f'{service.url}/docs')
    operation = page.locator('#operations-models-post_v1_XXXModel')
    operation.get_by_role('button').first.click()
    operation.get_by_role('button', name='Try it out').click()
    operation.get_by_role('button', name='Execute').click()
    expect(operation.locator('.live-responses-table')).to_contain_text('Hello, Leo!')
    assert page.hosts == {service.url.removeprefix('http://')}


def test_policy_lets_only_its_own_script_run(service):
    policy = service.get('/docs/').headers['Content-Security-Policy']
    assert "default-src 'none'" in policy
    scripts = policy.split('script-src ')[1].split(';')[0]
    assert 'unsafe' not in scripts
    assert 'http' not in policy


def test_page_off():
    app = create_app(conf=Conf(environ={'MODEL_SERVING_SERVING_PAGE': 'off'}))
    client = app.test_client()
    for url in ('/', '/page/page.css', '/jquery.min.js', '/README.md', '/docs', '/docs/', '/docs/swagger-ui.css'):
        assert client.get(url).status_code == 404, url
    assert client.get('/openapi.json').status_code == 200
    assert client.post('/v1/XXXModel', json={'name': 'Leo'}).json == {'result': 'Hello, Leo!'}
