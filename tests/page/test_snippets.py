""" "Copy as": each program is copied by the button and run as it is."""

import ast
import base64
import contextlib
import json
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.page.conftest import error_of, open_model

TEXT = '范叶亮 \'"$(id)`\\ </script>'


@pytest.fixture
def form(gallery_page):
    """The card of FormModel, filled, and its code open."""
    card = open_model(gallery_page, '/v1/FormModel')
    card.get_by_label('text', exact=True).fill(TEXT[:20])
    card.get_by_label('essay').fill(f'{TEXT}\nJSON\n' + 'x' * 300)
    card.locator('.code-pane').evaluate('(details) => { details.open = true; }')
    return card


def copied(form, language) -> str:
    """Return what is copied by the button."""
    form.get_by_role('tab', name=language).click()
    form.get_by_role('button', name='Copy').click()
    expect(form.get_by_role('button', name='Copied')).to_be_visible()
    # The long text is cut where it is only looked at.
    assert 'x' * 300 not in form.locator('.code-pane pre').text_content()
    return form.page.evaluate('navigator.clipboard.readText()')


@pytest.mark.parametrize('language, command', [('curl', ['sh']), ('Python', [sys.executable])])
def test_program(form, language, command):
    finished = subprocess.run(command, input=copied(form, language), capture_output=True, text=True, timeout=60)
    assert finished.returncode == 0, finished.stderr
    assert 'x' * 300 in finished.stdout
    assert '范叶亮' in finished.stdout


@pytest.mark.parametrize('language', ['jQuery', 'fetch'])
def test_script(form, language):
    code = copied(form, language)
    with form.page.expect_console_message(lambda message: message.type == 'log') as caught:
        # From a string, so that no policy of the page is asked; its jQuery is there.
        form.page.evaluate(code.rstrip().removesuffix(';'))
    result = caught.value.args[0].json_value()['result']
    assert result['essay'] == f'{TEXT}\nJSON\n' + 'x' * 300


@pytest.fixture
def file_form(gallery_page):
    """The card of FileModel with a file and a text, and its code open."""
    card = open_model(gallery_page, '/v1/FileModel')
    card.locator('input[type=file]').set_input_files({'name': 'a', 'mimeType': 'text/plain', 'buffer': b'its bytes'})
    card.get_by_label('note').fill(TEXT)
    card.get_by_label('count').fill('7')
    card.locator('.code-pane').evaluate('(details) => { details.open = true; }')
    return card


ANSWER = {'file': base64.b64encode(b'its bytes').decode(), 'note': TEXT, 'count': 7}


@pytest.mark.parametrize('language, command', [('curl', ['sh', '-s']), ('Python', [sys.executable, '-'])])
def test_program_that_sends_a_file(file_form, tmp_path, language, command):
    (tmp_path / 'file').write_bytes(b'its bytes')
    code = copied(file_form, language).replace('curl', 'curl -s')
    finished = subprocess.run(command, input=code, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert finished.returncode == 0, finished.stderr
    answer = finished.stdout if language == 'curl' else json.dumps(ast.literal_eval(finished.stdout))
    assert json.loads(answer)['result'] == ANSWER


@pytest.mark.parametrize('language', ['jQuery', 'fetch'])
def test_script_that_sends_a_file(file_form, language):
    code = copied(file_form, language)
    with file_form.page.expect_console_message(lambda message: message.type == 'log') as caught:
        file_form.page.evaluate(f'() => {{ {code} }}')
    assert caught.value.args[0].json_value()['result'] == ANSWER


def test_code_follows_the_form(form):
    copied(form, 'curl')
    form.get_by_label('count').fill('77')
    expect(form.locator('.code-pane pre')).to_contain_text('"count":77')
    form.get_by_label('row', exact=True).fill('no numbers')
    expect(form.get_by_role('button', name='Copy')).to_be_disabled()


def test_the_code_shows_why_a_call_was_refused(service, browser, open_page):
    card = open_model(open_page(service.url), '/v1/XXXModel')
    card.get_by_role('tab', name='JSON').click()
    card.get_by_role('textbox', name='JSON').fill('{}')
    card.locator('.code-pane summary').click()
    message = "'name' is a required property"
    finished = subprocess.run(
        [sys.executable], input=copied(card, 'Python'), capture_output=True, text=True, timeout=60
    )
    assert finished.stderr.splitlines()[-1] == f'RuntimeError: {message}'
    with contextlib.closing(browser.new_page()) as page:
        page.goto(service.url)
        page.wait_for_function('window.jQuery')
        for language in ('jQuery', 'fetch'):
            assert message in error_of(page, copied(card, language))
