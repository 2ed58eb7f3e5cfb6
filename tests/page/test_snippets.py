""" "Copy as": each program is copied by the button and run as it is."""

import ast
import base64
import contextlib
import json
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from model_serving.utils.conf_utils import BASE_FOLDER
from tests.page.conftest import error_of, open_model, opener

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
    form.get_by_label('row', exact=True).fill('1, 2, 3')
    expect(form.get_by_role('button', name='Copy')).to_be_enabled()


@pytest.mark.long
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


def test_curl_for_tensorflow_serving(form):
    """One row, to which others may be added."""
    code = copied(form, 'TensorFlow Serving')
    url = form.locator('.url').text_content().split()[1].replace('FormModel', 'models/FormModel/versions/1:predict')
    assert url in code
    finished = subprocess.run(['sh'], input=code, capture_output=True, text=True, timeout=60)
    (answer,) = json.loads(finished.stdout)['predictions']
    assert answer['essay'] == f'{TEXT}\nJSON\n' + 'x' * 300
    assert answer['tree'] == {'leaf': 1, 'branches': [{'leaf': 2}]}


def test_curl_for_tensorflow_serving_that_sends_a_file(file_form):
    """As base64 in JSON."""
    code = copied(file_form, 'TensorFlow Serving')
    finished = subprocess.run(['sh'], input=code, capture_output=True, text=True, timeout=60)
    assert json.loads(finished.stdout) == {'predictions': [ANSWER]}


def open_code(page, path, body=None):
    """Return the card of a model with its code open, and with `body` in the tab JSON."""
    card = open_model(page, path)
    if body is not None:
        card.get_by_role('tab', name='JSON').click()
        card.get_by_role('textbox', name='JSON').fill(json.dumps(body))
    card.locator('.code-pane').evaluate('(details) => { details.open = true; }')
    return card


def inputs_of(code) -> dict:
    """Return the inputs that a program for tritonclient makes: name → (shape, datatype)."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    made = [call.args for call in calls if getattr(call.func, 'id', None) == 'InferInput']
    return {name: (shape, datatype) for name, shape, datatype in (map(ast.literal_eval, args) for args in made)}


@pytest.fixture(scope='module')
def service_page(browser, service):
    with opener(browser) as open_one:
        yield open_one(service.url)


@pytest.mark.parametrize(
    'model, inputs',
    [
        ('XXXModel', {'name': ([1], 'BYTES')}),
        ('DigitsModel', {'image': ([1, 8, 8], 'FP64')}),
    ],
)
def test_inputs_for_tritonclient(service_page, model, inputs):
    assert inputs_of(copied(open_code(service_page, f'/v1/{model}'), 'tritonclient')) == inputs


def test_each_kind_of_input_for_tritonclient(gallery_page):
    assert inputs_of(copied(open_code(gallery_page, '/v1/TensorModel'), 'tritonclient')) == {
        'text': ([1], 'BYTES'),
        'words': ([1, 2, 2], 'BYTES'),
        'grid': ([1, 2, 3], 'FP64'),
        'missing': ([1], 'FP64'),
        'count': ([1], 'INT64'),
        'sure': ([1], 'BOOL'),
        'whole': ([1, 2], 'INT64'),
        'files': ([1, 2], 'BYTES'),
    }


@pytest.mark.parametrize(
    'model, body, reason',
    [
        ('FormModel', None, 'FormModel has no tensors, since its input colour has no single type of values. POST'),
        ('TensorModel', {'text': 'a', 'other': 1}, 'TensorModel has no input other.'),
        ('TensorModel', {'text': 'a', 'words': [['a'], ['b', 'c']]}, 'words is not a tensor: a list in it is empty,'),
        ('TensorModel', {'text': 'a', 'whole': []}, 'whole is not a tensor: a list in it is empty,'),
        ('TensorModel', {'text': 'a', 'count': None}, 'count is null, which INT64 cannot be.'),
        ('TensorModel', [], 'TensorModel answers at /v1/TensorModel only, since its body is not an object.'),
    ],
)
def test_why_there_is_no_code_for_tritonclient(gallery_page, model, body, reason):
    assert copied(open_code(gallery_page, f'/v1/{model}', body), 'tritonclient').startswith(f'# {reason}')


@pytest.mark.parametrize('language', ['TensorFlow Serving', 'tritonclient'])
def test_a_stream_has_no_code_for_other_protocols(service_page, language):
    code = copied(open_code(service_page, '/v1/TextModel'), language)
    assert code == '# TextModel answers at /v1/TextModel only, since its answer is a stream.\n'


@pytest.mark.long
def test_code_while_the_tensors_are_not_known(service, open_page):
    """No code of another language can be copied in the meantime; after a failure the service is asked again."""
    page = open_page(service.url)
    held = []
    page.route('**/v2/models/XXXModel/versions/1', lambda route: held.append(route))
    card = open_code(page, '/v1/XXXModel')
    with page.expect_request('**/v2/models/**'):
        card.get_by_role('tab', name='tritonclient').click()
    expect(card.get_by_role('button', name='Copy')).to_be_disabled()
    expect(card.locator('.code-pane pre')).to_be_empty()
    card.get_by_role('tab', name='curl').click()
    with page.expect_event('requestfailed'):
        held.pop().abort()
    expect(card.locator('.code-pane pre')).to_contain_text('curl')
    page.unroute('**/v2/models/XXXModel/versions/1')
    assert inputs_of(copied(card, 'tritonclient'))


@pytest.mark.long
def test_tritonclient_behind_a_proxy(service, open_page):
    """With TLS and below a path."""
    page = open_page('about:blank')
    page.route(
        'https://models.test/a/b/**',
        lambda route: route.fulfill(
            response=route.fetch(url=service.url + route.request.url.removeprefix('https://models.test/a/b'))
        ),
    )
    page.goto('https://models.test/a/b/')
    code = copied(open_code(page, '/v1/XXXModel'), 'tritonclient')
    assert 'InferenceServerClient("models.test/a/b", ssl=True, ' in code


@pytest.fixture
def run_triton(tmp_path):
    """A function that runs a program in the environment that has tritonclient, and returns what it prints."""
    (tmp_path / 'file').write_bytes(b'its bytes')

    def run(code):
        python = BASE_FOLDER / 'tmp' / 'environments' / 'clients-triton' / 'bin' / 'python'
        finished = subprocess.run([python], input=code, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    return run


@pytest.mark.triton
def test_tritonclient(service_page, run_triton):
    card = open_code(service_page, '/v1/XXXModel', {'name': TEXT})
    assert run_triton(copied(card, 'tritonclient')) == f'result {["Hello, " + TEXT + "!"]}\n'
    assert 'digit [4]' in run_triton(copied(open_code(service_page, '/v1/DigitsModel'), 'tritonclient'))


@pytest.mark.triton
def test_tritonclient_with_each_kind_of_input(gallery, open_page, run_triton):
    """The model answers what it got."""
    assert (
        run_triton(copied(open_code(open_page(gallery.url), '/v1/TensorModel'), 'tritonclient'))
        == """\
text ['范叶亮']
words ['one', '二', '', '4']
grid [[[ 1.   2.5 -3. ]
  [ 4.   5.   6. ]]]
missing [nan]
count [3]
sure [ True]
whole [[1 2]]
files [[b'\\x00\\xff' b'']]
"""
    )


@pytest.mark.triton
def test_tritonclient_with_a_file(file_form, run_triton):
    """From the file in the form, or from base64 in JSON."""
    printed = f'file [{base64.b64decode(ANSWER["file"])}]\nnote {[TEXT]}\ncount [7]\n'
    code = copied(file_form, 'tritonclient')
    assert 'open("file", "rb").read()' in code
    assert run_triton(code) == printed
    file_form.get_by_role('tab', name='JSON').click()
    code = copied(file_form, 'tritonclient')
    assert 'base64.b64decode("' in code
    assert run_triton(code) == printed
