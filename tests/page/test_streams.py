"""A model that streams: its pieces are shown as they come, it can be stopped, and its code streams too."""

import contextlib
import json
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.conftest import wait_until
from tests.page.conftest import error_of, open_model, send
from tests.test_streams import has


@pytest.fixture
def card(streams, open_page):
    """The card of CountModel, whose form is empty but for two pieces."""
    return open_model(open_page(streams.url), '/v1/CountModel')


def fill(card, **values):
    for name, value in values.items():
        card.get_by_label(name, exact=True).fill(str(value))


def numbers(card) -> list:
    return card.locator('.result tr td:first-child').all_text_contents()


def test_the_text_of_a_model_comes_word_by_word(make_service, open_page):
    page = open_page(f'{make_service().url}/#/v1/TextModel')
    fill(page, prompt='The service', words=60, seed=3)
    page.click('#submit')
    # A part of it is there while it is still being written.
    expect(page.locator('#result')).to_contain_text('itself needs no')
    expect(page.locator('.card')).to_have_attribute('aria-busy', 'true')
    expect(page.locator('.good')).to_have_text('200 OK')
    assert len(page.locator('#result').text_content().split()) > 45


def test_the_pieces_are_shown_as_they_come(card, gate):
    fill(card, pieces=3, wait_at=2, gate=gate.name)
    card.get_by_role('button', name='Send').click()
    expect(card.locator('.result tr')).to_have_count(3)  # the head is one
    assert numbers(card) == ['0', '1']
    expect(card.locator('.facts')).to_have_text('Receiving …')
    gate.touch()
    expect(card.locator('.good')).to_have_text('200 OK')
    assert numbers(card) == ['0', '1', '2']


def test_stop_ends_the_stream_and_keeps_what_has_come(card, streams):
    fill(card, pieces=10_000, pause=0.05, name='stopped')
    card.get_by_role('button', name='Send').click()
    expect(card.locator('.result tr')).not_to_have_count(0)
    card.get_by_role('button', name='Stop').click()
    expect(card.locator('.facts')).to_contain_text('stopped')
    expect(card.locator('.bad, .message')).to_have_count(0)
    expect(card.page.locator('#calls li').first).to_contain_text('stopped · ')
    wait_until(lambda: has(streams, 'closed', 'stopped'), seconds=2)
    assert numbers(card)[0] == '0'
    # It can be called again.
    fill(card, pieces=2, pause=0)
    send(card)
    assert numbers(card) == ['0', '1']


def test_an_error_in_the_middle_is_shown_below_the_pieces(card):
    fill(card, pieces=3, fail_at=2)
    send(card)
    expect(card.locator('.message')).to_contain_text('The service failed to answer this request.')
    assert numbers(card) == ['0', '1']
    expect(card.locator('.bad')).to_have_text('failed')
    expect(card.page.locator('#calls li').first).to_contain_text('failed · ')
    # Also in another language, which is chosen afterwards.
    card.page.get_by_label('Language').select_option('中文')
    expect(card.locator('.bad')).to_have_text('失败')
    expect(card.page.locator('#calls li').first).to_contain_text('失败 · ')
    card.page.get_by_label('语言').select_option('English')
    fill(card, fail_at=0)
    send(card)
    expect(card.locator('.bad').first).to_contain_text('500')
    assert numbers(card) == []


def copied(card, language) -> str:
    card.get_by_role('tab', name=language).click()
    card.get_by_role('button', name='Copy', exact=True).click()
    expect(card.get_by_role('button', name='Copied')).to_be_visible()
    return card.page.evaluate('navigator.clipboard.readText()')


@pytest.mark.parametrize(
    'language, command', [('curl', ['sh']), pytest.param('Python', [sys.executable, '-u'], marks=pytest.mark.long)]
)
def test_programs_print_the_pieces_as_they_come(card, gate, language, command):
    fill(card, pieces=3, wait_at=2, gate=gate.name)
    card.locator('.code-pane summary').click()
    code = copied(card, language)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        program.stdin.write(code)
        program.stdin.close()
        assert ['number' in program.stdout.readline() for _ in range(2)] == [True, True]
        gate.touch()
        assert 'number' in program.stdout.readline()
        assert program.wait(20) == 0


@pytest.mark.parametrize('language', ['jQuery', pytest.param('fetch', marks=pytest.mark.long)])
def test_scripts_log_the_pieces_as_they_come(card, gate, language):
    fill(card, pieces=3, wait_at=2, gate=gate.name)
    card.locator('.code-pane summary').click()
    code = copied(card, language).rstrip().removesuffix(';')
    with card.page.expect_console_message(lambda message: logged(message) == 1):
        # The value of a promise would be awaited.
        card.page.evaluate(f'() => {{ {code}; }}')
    with card.page.expect_console_message(lambda message: logged(message) == 2):
        gate.touch()


def logged(message) -> int:
    """Return the number of the piece that a script has logged: the piece, or the text of all so far."""
    value = message.args[0].json_value()
    return (value if isinstance(value, dict) else json.loads(value.splitlines()[-1]))['number']


@pytest.mark.long
def test_what_is_no_stream_is_said_to_be_none(card):
    card.page.route('**/v1/CountModel', lambda route: route.fulfill(body='<p>a\n\nproxy</p>', content_type='text/html'))
    send(card)
    expect(card.locator('.message')).to_contain_text('The answer is not JSON: 200')


REFUSED = 'fail_at: -1 is less than the minimum of 0'
FAILED = 'The service failed to answer this request.'


@pytest.mark.long
@pytest.mark.parametrize('fail_at, message', [(1, FAILED), (-1, REFUSED), (0, FAILED)])
def test_the_code_shows_why_a_stream_failed(card, browser, streams, fail_at, message):
    """Refused, failed before the first piece, and after it."""
    fill(card, pieces=3, fail_at=fail_at)
    card.locator('.code-pane summary').click()
    finished = subprocess.run(
        [sys.executable], input=copied(card, 'Python'), capture_output=True, text=True, timeout=60
    )
    assert f'RuntimeError: {message}' in finished.stderr.splitlines()[-1]
    assert finished.stdout.count("'number'") == max(fail_at, 0)
    assert finished.returncode == 1
    with contextlib.closing(browser.new_page()) as page:
        page.goto(streams.url)
        page.wait_for_function('window.jQuery')
        for language in ('jQuery', 'fetch'):
            assert message in error_of(page, copied(card, language))
