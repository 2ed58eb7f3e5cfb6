""" "Copy as": each program is copied by the button and run as it is."""

import subprocess
import sys

import pytest
from playwright.sync_api import expect

TEXT = '范叶亮 \'"$(id)`\\ </script>'


@pytest.fixture
def copied(gallery_page):
    """A function that returns what is copied for FormModel: `copied('curl')`."""
    card = gallery_page.locator('#v1-FormModel')
    card.get_by_label('text', exact=True).fill(TEXT[:20])
    card.get_by_label('essay').fill(f'{TEXT}\nJSON\n' + 'x' * 300)
    pane = card.locator('.code-pane')
    if not pane.get_by_role('tab').first.is_visible():
        pane.locator('summary').click()

    def copy(language):
        pane.get_by_role('tab', name=language).click()
        pane.get_by_role('button', name='Copy').click()
        expect(pane.get_by_role('button', name='Copied')).to_be_visible()
        # The long text is cut where it is only looked at.
        assert 'x' * 300 not in pane.locator('pre').text_content()
        return gallery_page.evaluate('navigator.clipboard.readText()')

    return copy


@pytest.mark.parametrize('language, command', [('curl', ['sh']), ('Python', [sys.executable])])
def test_program(copied, language, command):
    code = copied(language)
    finished = subprocess.run(command, input=code, capture_output=True, text=True, timeout=60)
    assert finished.returncode == 0, finished.stderr
    assert 'x' * 300 in finished.stdout
    assert '范叶亮' in finished.stdout


@pytest.mark.parametrize('language', ['jQuery', 'fetch'])
def test_script(copied, gallery_page, language):
    code = copied(language)
    with gallery_page.expect_console_message(lambda message: message.type == 'log') as caught:
        # From a string, so that no policy of the page is asked; its jQuery is there.
        gallery_page.evaluate(code.rstrip().removesuffix(';'))
    result = caught.value.args[0].json_value()['result']
    assert result['essay'] == f'{TEXT}\nJSON\n' + 'x' * 300


def test_code_follows_the_form(copied, gallery_page):
    copied('curl')
    card = gallery_page.locator('#v1-FormModel')
    card.get_by_label('count').fill('77')
    expect(card.locator('pre').last).to_contain_text('"count":77')
    card.get_by_label('row', exact=True).fill('no numbers')
    expect(card.get_by_role('button', name='Copy')).to_be_disabled()
