"""A row that is pasted into a form: JSON, CSV, and cells of a spreadsheet."""

import json

import pytest
from playwright.sync_api import expect

from tests.page.conftest import open_model, send

WINE = [14.1, 2, 2.5, 16, 100, 2.5, 2.4, 0.3, 1.9, 5.5, 1.1, 3.4, 1200]
NAMES = [
    'alcohol', 'malic_acid', 'ash', 'alcalinity_of_ash', 'magnesium', 'total_phenols', 'flavanoids',
    'nonflavanoid_phenols', 'proanthocyanins', 'color_intensity', 'hue', 'od280_od315_of_diluted_wines', 'proline',
]  # fmt: skip
TEXTS = [str(value) for value in WINE]


@pytest.fixture
def wine(gallery_page):
    return open_model(gallery_page, '/v1/WineModel')


def paste(card, text):
    """Fill the box; returns what is said below it."""
    card.get_by_label('Paste a row').fill(text)
    return card.locator('.row .live')


@pytest.mark.parametrize(
    'text',
    [
        json.dumps(dict(zip(NAMES, WINE, strict=True))),
        json.dumps(WINE),
        ','.join(TEXTS),
        '\t'.join(TEXTS),
        ' '.join(TEXTS),
        ';'.join(TEXTS).replace('.', ','),
        '\t'.join(reversed(NAMES)) + '\r\n' + '\t'.join(reversed(TEXTS)) + '\r\n',
        ','.join(f'"{name}"' for name in NAMES) + '\n' + ','.join(f'"{text}"' for text in TEXTS),
    ],
    ids=['object', 'array', 'comma', 'tab', 'space', 'decimal comma', 'names', 'quoted'],
)
def test_row(wine, text):
    expect(paste(wine, text)).to_have_text('13 of 13 fields filled.')
    assert send(wine) == dict(zip(NAMES, WINE, strict=True))


def test_a_row_of_a_table_with_a_column_that_the_model_does_not_have(wine):
    table = f'{",".join(NAMES)},cultivar\n{",".join(TEXTS)},2\n{",".join(TEXTS)},3'
    expect(paste(wine, table)).to_have_text(
        '13 of 13 fields filled. Not used: cultivar. Only the first of 2 rows was used.'
    )


@pytest.mark.parametrize(
    'text, told',
    [
        ('1,2,3', '3 values for 13 fields. Add a line of names, or leave none out.'),
        ('{"alcohol": 1', 'Not valid JSON'),
        ('alcohol,ash\n13,2', '2 of 13 fields filled.'),
        (','.join(NAMES), '0 values for 13 fields.'),
        (','.join(['NaN', *TEXTS[1:]]), '12 of 13 fields filled. Not filled, since the value does not fit: alcohol.'),
        ('alcohol,ash\n13', '1 of 13 fields filled.'),
        ('[null, 2]', '2 values for 13 fields.'),
        ('\ufeff"alcohol","ash"\n13,2', '2 of 13 fields filled.'),
    ],
)
def test_row_that_does_not_fit(wine, text, told):
    expect(paste(wine, text)).to_contain_text(told)


def test_a_column_that_is_missing_leaves_nothing_of_the_row_before(wine):
    paste(wine, ','.join(TEXTS))
    expect(paste(wine, 'alcohol,ash\n13,2')).to_have_text('2 of 13 fields filled.')
    assert send(wine) == {'alcohol': 13, 'ash': 2}


@pytest.mark.parametrize(
    'head, row, separator', [('', '0,', ','), ('\t', '0\t', '\t'), ('  ', '0  ', '  ')], ids=['CSV', 'cells', 'printed']
)
def test_the_index_of_a_pandas_table_is_left_out(wine, head, row, separator):
    """As to_csv, to_clipboard and print write it."""
    head = ',' if separator == ',' else head
    expect(paste(wine, f'{head}{separator.join(NAMES)}\n{row}{separator.join(TEXTS)}')).to_have_text(
        '13 of 13 fields filled.'
    )
    assert send(wine) == dict(zip(NAMES, WINE, strict=True))


@pytest.mark.parametrize('missing', ['NaN', '', 'nan', '<NA>'])
def test_a_missing_value_empties_its_field(wine, gallery_page, missing):
    paste(wine, ','.join(TEXTS))
    told = paste(wine, ','.join([missing, *TEXTS[1:]]))
    expect(told).to_have_text('12 of 13 fields filled. Not filled, since the value does not fit: alcohol.')
    expect(wine.locator('#alcohol')).to_have_value('')
    form = open_model(gallery_page, '/v1/FormModel')
    form.get_by_label('missing').fill('1')
    expect(paste(form, f'count,missing\n3,{missing}')).to_contain_text('2 of ')
    assert send(form)['missing'] is None


def test_other_kinds_of_values(gallery_page):
    form = open_model(gallery_page, '/v1/FormModel')
    row = 'text;weight;colour;sure;day;essay\n"Leo; and ""Ada""";1,5;green;yes;2026-12-31;not one line'
    expect(paste(form, row)).to_contain_text('Not used: essay.')
    body = send(form)
    assert [body[name] for name in ('text', 'weight', 'colour', 'sure', 'day')] == [
        'Leo; and "Ada"', 1.5, 'green', True, '2026-12-31',
    ]  # fmt: skip


def test_a_value_that_does_not_fit_is_told_and_not_filled(gallery_page):
    form = open_model(gallery_page, '/v1/FormModel')
    form.get_by_label('colour').select_option('green')
    told = paste(form, 'text,colour,sure\n"two\nlines, one cell",blue,maybe')
    expect(told).to_contain_text('1 of')
    expect(told).to_contain_text('Not filled, since the value does not fit: sure, colour.')
    expect(form.get_by_label('colour')).to_have_value('1')
    # A field of one line has no line break.
    assert send(form)['text'] == 'twolines, one cell'


def test_form_of_many_fields(gallery_page):
    """It stays within a screen, and a row fills it."""
    card = open_model(gallery_page, '/v1/ManyModel')
    assert card.bounding_box()['height'] < 1.6 * gallery_page.viewport_size['height']
    expect(paste(card, '\t'.join(str(number) for number in range(200)))).to_have_text('200 of 200 fields filled.')
    assert send(card) == {f'f{number}': number for number in range(200)}


def test_form_of_few_fields_has_no_such_box(gallery_page):
    expect(open_model(gallery_page, '/v1/AnyModel').locator('.row')).to_be_hidden()
