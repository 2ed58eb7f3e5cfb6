"""`[params]` of a model's .conf: which values a class gets, and the one line that says what is wrong."""

import re
from functools import partial, wraps
from pathlib import Path
from typing import Annotated

import pytest

from model_serving.serving import secrets
from model_serving.serving.errors import StartError
from model_serving.utils.conf_utils import BASE_FOLDER, Conf

MODEL = '[model]\nname = AModel\n[params]\n'


class Typed:
    def __init__(
        self,
        text: str,
        number: int = 1,
        share: float = 0.5,
        is_on: bool = False,
        file: Path = Path('a'),
        names: list[str] = (),
        numbers: list[int] | None = None,
        maybe: float | None = None,
    ):
        self.given = {name: value for name, value in vars().items() if name != 'self'}


class Untyped:
    def __init__(self, token, number=1, share=0.5, is_on=False, file=Path('a'), shares=[1.5], rest=None, odd=()):  # noqa: B006
        self.given = {name: value for name, value in vars().items() if name not in ('self', 'odd')}


class Later:
    """Its annotations are texts, one of them of a name that is only there for type checkers."""

    def __init__(self, number: 'int' = 1, other: 'OnlyForTypeCheckers' = None):  # noqa: F821
        self.given = {'number': number}


class ForTypeCheckers:
    """As with `from __future__ import annotations`, and imports below `if TYPE_CHECKING:`, as ruff moves them."""

    def __init__(self, names: 'list[str]', share: 'float | None' = None, file: 'Path | None' = None, rest: 'Rest' = 0):  # noqa: F821
        self.given = {'names': names, 'share': share, 'file': file}


@wraps(ForTypeCheckers)
def wrapped(*args, **kwargs):
    return ForTypeCheckers(*args, **kwargs)


class Inherited(ForTypeCheckers):
    """Its parameters are those of another class."""


class Odd:
    """Parameters that can't be written in a file."""

    def __init__(self, union: int | str = 1, annotated: Annotated[int, []] = 1, table: dict = {}):  # noqa: B006
        """Their defaults are used."""


class Empty:
    given = {}


def given(tmp_path, model, lines='', **environ):
    (tmp_path / 'a.conf').write_text(MODEL + lines)
    return model(**Conf(tmp_path, environ).arguments('AModel', model)).given


def fault(tmp_path, model, lines='', **environ):
    with pytest.raises(StartError) as error:
        given(tmp_path, model, lines, **environ)
    assert '\n' not in str(error.value)
    return str(error.value).removeprefix(f'{tmp_path}/a.conf: [params] ')


TEXTS = 'number = -3\nshare = 1e-3\nis_on = yes\nfile = data/wine.onnx\n'
VALUES = {'number': -3, 'share': 0.001, 'is_on': True, 'file': BASE_FOLDER / 'data' / 'wine.onnx'}


def test_values_have_the_types_of_the_annotations(tmp_path):
    lines = f'text = 12 %(a)s\n{TEXTS}names = a b, c\n  d\nnumbers = 1,2\nmaybe = 3\n'
    more = {'text': '12 %(a)s', 'names': ['a b', 'c', 'd'], 'numbers': [1, 2], 'maybe': 3.0}
    assert given(tmp_path, Typed, lines) == VALUES | more


def test_without_annotations_they_have_the_types_of_the_defaults(tmp_path):
    assert given(tmp_path, Untyped, f'token = 12\n{TEXTS}shares = 1, 2\nrest = 3\n') == VALUES | {
        'token': '12', 'shares': [1.0, 2.0], 'rest': '3',
    }  # fmt: skip


def test_what_is_not_set_has_its_default(tmp_path):
    assert given(tmp_path, Untyped, 'token = a')['number'] == 1
    assert given(tmp_path, Empty) == {}


def test_annotations_that_are_texts(tmp_path):
    assert given(tmp_path, Later, 'number = 2') == {'number': 2}


@pytest.mark.parametrize('model', [ForTypeCheckers, Inherited, partial(ForTypeCheckers), wrapped])
def test_an_annotation_of_an_unknown_name_spoils_no_other(tmp_path, model):
    found = given(tmp_path, model, 'names = a, b\nshare = 0.5\nfile = a\n')
    assert found == {'names': ['a', 'b'], 'share': 0.5, 'file': BASE_FOLDER / 'a'}
    assert 'rest: its type in __init__ cannot be written in a file' in fault(tmp_path, model, 'names = a\nrest = 1')


def test_a_path_may_be_imported_for_type_checkers_only(tmp_path):
    names = {}
    exec("class Moved:\n    def __init__(self, file: 'Path | None' = None):\n        self.given = file", names)
    assert given(tmp_path, names['Moved'], 'file = a') == BASE_FOLDER / 'a'


def test_an_absolute_path_stays(tmp_path):
    assert given(tmp_path, Typed, 'text = a\nfile = /opt/a.bin')['file'] == Path('/opt/a.bin')


def test_a_path_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', '/home/leo')
    assert given(tmp_path, Typed, 'text = ~/a\nfile = ~/a.bin')['file'] == Path('/home/leo/a.bin')


def test_the_environment_goes_over_the_file(tmp_path):
    environ = {
        'MODEL_SERVING_AMODEL_PARAMS_NUMBER': '7',
        'MODEL_SERVING_AMODEL_PARAMS_TEXT': '${TOKEN}',
        'TOKEN': 'abc',
    }
    found = given(tmp_path, Typed, 'text = a\nnumber = 3', **environ)
    assert (found['text'], found['number']) == ('abc', 7)


def test_variables_may_be_parts_of_a_value(tmp_path, monkeypatch):
    monkeypatch.setattr(secrets, '_patterns', {})
    lines = 'text = Bearer ${A}\nnames = ${A}, ${B}, $C {D} ${\nnumber = ${N}0\nfile = ${A}/x'
    # Once put in, a value is not looked at again.
    found = given(tmp_path, Typed, lines, A='${B}-secret', B=' of-two, and-more\n', N='4')
    assert found['text'] == 'Bearer ${B}-secret'
    assert found['names'] == ['${B}-secret', 'of-two', 'and-more', '$C {D} ${']
    assert found['number'] == 40
    assert found['file'] == BASE_FOLDER / '${B}-secret' / 'x'
    assert secrets.hidden('Bearer ${B}-secret of-two and-more') == 'Bearer *** *** ***'


@pytest.mark.parametrize(
    'lines, said',
    [
        ('text = a\nnumber = 1.5', "number = '1.5': it must be a whole number."),
        ('text = a\nshare = much', "share = 'much': it must be a number."),
        ('text = a\nis_on = maybe', "is_on = 'maybe': it must be on or off, yes or no."),
        ('text = a\nfile =', "file = '': it must be the path of a file, absolute or relative to the project folder."),
        (
            'text = a\nnumbers = 1, b',
            "numbers = '1, b': it must be values, separated by commas or line breaks, each a whole",
        ),
        ('text = ${TOKEN}', 'text = ${TOKEN}: the environment variable TOKEN is not set. Set it.'),
        (
            'text = Bearer ${TOKEN}',
            'text = Bearer ${TOKEN}: the environment variable TOKEN is not set. Set it.',
        ),
        ('text = a\nnames = ${TOKEN},\n  b', 'names = ${TOKEN}, b: the environment variable TOKEN is not set.'),
        # Not a default, as in a shell.
        ('text = ${WORD:-a}', 'text = ${WORD:-a}: the environment variable WORD:-a is not set. Set it.'),
        ('text = a\nnumber = 1${WORD}', 'number = 1${WORD}: it must be a whole number.'),
        ('text = a\nnumber = ${WORD}', 'number = ${WORD}: it must be a whole number.'),
        (
            'text = a\nnumbr = 1',
            "numbr: Typed has no such parameter. Did you mean 'number'? There are: text (a text), number (a",
        ),
        (
            '',
            'lacks text = …: Typed needs it. There are: text (a text), number (a whole number), share (a number),',
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_file_key_and_what_there_is(tmp_path, lines, said):
    message = fault(tmp_path, Typed, lines, TOKEN='', WORD='secret-word')
    assert message.startswith(said)
    assert 'secret-word' not in message


def test_other_faults(tmp_path):
    assert (
        fault(tmp_path, Empty, 'a = 1') == 'a: Empty has no such parameter. Its __init__ has no parameters beside self.'
    )
    for name in ('union', 'annotated', 'table'):
        assert f'{name}: its type in __init__ cannot be written in a file' in fault(tmp_path, Odd, f'{name} = 1')


def test_a_partial_is_called_by_the_name_of_its_class(tmp_path):
    assert fault(tmp_path, partial(Typed), 'a = 1').startswith('a: Typed has no such')


def test_a_bad_variable_is_named(tmp_path):
    message = fault(tmp_path, Typed, 'text = a', MODEL_SERVING_AMODEL_PARAMS_SHARE='x')
    assert message == "MODEL_SERVING_AMODEL_PARAMS_SHARE = 'x': it must be a number."


def test_without_a_file_the_message_says_what_to_write(tmp_path):
    with pytest.raises(StartError, match=re.escape('Write one, with [params] and text = …: Typed needs it.')):
        Conf(tmp_path, {}).arguments('AModel', Typed)


def test_a_parameter_below_model_is_told_where_it_belongs(tmp_path):
    (tmp_path / 'a.conf').write_text('[model]\nname = AModel\nthreshold = 1\n')
    with pytest.raises(StartError, match=r"The parameters of a model's class belong below \[params\]\."):
        Conf(tmp_path, {})


@pytest.mark.parametrize(
    'text, said',
    [
        (
            MODEL.replace('[params]', 'file = a.onnx\n[params]\na = 1'),
            '[params] are for the class of a model in routes.py',
        ),
        ('[params]\na = 1\n', 'it names no model'),
    ],
)
def test_params_that_no_class_gets(tmp_path, text, said):
    (tmp_path / 'a.conf').write_text(text)
    with pytest.raises(StartError, match=re.escape(said)):
        Conf(tmp_path, {})


def test_a_resource_that_makes_its_own_model_gets_none(tmp_path):
    (tmp_path / 'a.conf').write_text(f'{MODEL}a = 1\n')
    with pytest.raises(StartError, match=r'This one makes its own model\.$'):
        Conf(tmp_path, {}).arguments('AModel', None)


def test_only_unknown_variables_are_warned_of(tmp_path, caplog):
    environ = {'MODEL_SERVING_AMODEL_PARAMS_NUMBER': '7', 'MODEL_SERVING_AMODEL_PARAMS_NUMBR': '7'}
    Conf(tmp_path, environ).check_names([('AModel', Typed)])
    assert [record.getMessage() for record in caplog.records] == [
        "Unknown setting MODEL_SERVING_AMODEL_PARAMS_NUMBR. Did you mean 'MODEL_SERVING_AMODEL_PARAMS_NUMBER'?"
    ]


def test_a_function_without_a_name(tmp_path):
    assert 'the function in its row needs it' in fault(tmp_path, lambda path: Empty())
