"""The table of docs/benchmarks.md is the one that bench/figures.md gives."""

import re
import sys

import pytest

from tests.conftest import BASE_FOLDER
from tests.docs.following import text_of

MARKS = '<!-- measured: written by bin/bench.sh -->\n', '<!-- end of what was measured -->\n'


@pytest.fixture
def summary(monkeypatch):
    monkeypatch.setattr(sys, 'path', [str(BASE_FOLDER / 'bench'), *sys.path])
    import summary

    return summary


def test_the_table_is_made_from_the_raw_figures(summary):
    table = text_of('docs/benchmarks.md').split(MARKS[0])[1].split(MARKS[1])[0]
    assert table == summary.summary(text_of('bench/figures.md'))


def test_the_plot_shows_the_raw_figures(summary):
    labels = re.findall(r'<text [^>]*>([^<]+)</text>', text_of('docs/benchmarks.svg'))
    for rates in summary.rates(text_of('bench/figures.md')).values():
        assert set(rates) <= set(labels)
        assert {f'{rate:,.0f}' for rate in rates.values()} <= set(labels)


@pytest.mark.parametrize(
    'measured, shown',
    [
        ('2.03 (2.00–3.06)', '2.0 ×'),
        ('12.47 (12.36–12.76)', '12 ×'),
        ('0.68 (0.49–0.71)', '**0.68 ×**'),
        ('1.03 (0.90–1.45)', 'about the same'),
        ('fails: no answer', 'fails: no answer'),
    ],
)
def test_how_a_ratio_is_shown(summary, measured, shown):
    assert summary._ratio({'requests a second at 32': measured}) == shown
