"""MLflow's scoring protocol, and by it SageMaker's: data frames, as JSON or CSV.

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/ and
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

import csv
import io
import json
import re
from math import isfinite

from ..serving.errors import InvalidInstance
from ..utils.text_utils import clip
from .call import Call, indexes, only_key, rows_at, split
from .tensorflow_serving import read_columns, read_rows

FORMS = ('dataframe_split', 'dataframe_records', 'instances', 'inputs')
# An integer with more does not fit in 64 bits.
MAX_DIGITS = 19
ERROR_CODES = {
    404: 'RESOURCE_DOES_NOT_EXIST',
    429: 'REQUEST_LIMIT_EXCEEDED',
    503: 'TEMPORARILY_UNAVAILABLE',
    504: 'DEADLINE_EXCEEDED',
}
INTEGER, NUMBER = re.compile('[+-]?[0-9]+'), re.compile(r'[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?')


def error(message: str, status: int) -> dict:
    """Return the body of an error."""
    code = ERROR_CODES.get(status, 'INTERNAL_ERROR' if status >= 500 else 'BAD_REQUEST')
    return {'error_code': code, 'message': message}


def read(envelope, signature) -> Call:
    """Return the call of a JSON request; raises InvalidInstance."""
    form = only_key(envelope, FORMS)
    value = envelope[form]
    if form == 'dataframe_split':
        return _read_split(value, signature)
    if form == 'inputs':
        return read_columns(value, signature, form, _predictions)
    return read_rows(value, signature, form, _predictions)


def read_csv(text: str, signature, has_header: bool) -> Call:
    """Return the call of a table in CSV, whose empty cells are null; raises InvalidInstance.

    Without a header, the columns are the properties in the schema's order.
    """
    reader = csv.reader(io.StringIO(text, newline=''), strict=True)
    lines = []
    try:
        lines = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as failure:
        raise InvalidInstance(f'line {reader.line_num}', f'is not CSV: {failure}') from None
    names = _names_without_header(lines, signature)
    if has_header and lines:
        names = [name.strip() for name in lines.pop(0)[1]]
        if names != [str(number) for number in range(len(names))] and any(map(NUMBER.fullmatch, names)):
            hint = ' If there is none, send Content-Type: text/csv; header=absent'
            raise InvalidInstance('line 1', f'must name the columns.{hint}')
    if not lines:
        raise InvalidInstance('', 'The body has no row.')

    def place(row, column):
        return f'line {lines[row][0]}' + (f', column {names[column]}' if column is not None else '')

    rows = [cells for _, cells in lines]
    return _table(names, rows, signature, place, lambda cell, tensor: _cell(cell, tensor))


def _read_split(split_frame, signature):
    place = 'dataframe_split'
    columns = split_frame.get('columns') if isinstance(split_frame, dict) else None
    if not isinstance(columns, list) or not all(isinstance(name, str | int) for name in columns):
        raise InvalidInstance(place, 'must be an object with columns, a list of names, and data, a list of rows')
    rows = rows_at(split_frame.get('data'), f'{place}.data')

    def place_of(row, column):
        return f'{place}.data[{row}]' + (f'[{column}]' if column is not None else '')

    return _table(list(map(str, columns)), rows, signature, place_of, lambda cell, tensor: cell)


def _table(names, rows, signature, place, value_of) -> Call:
    """Return the call for rows of cells. `place(row, column)` names a cell, or with None for the column its row."""
    if repeated := [name for name in set(names) if names.count(name) > 1]:
        raise InvalidInstance('', f'The column {clip(repeated[0], 60)!r} is there twice.')
    vector = signature.vector
    is_vector = vector is not None and vector.name not in names and vector.shape[0] in (None, len(names))
    tensors = [vector if is_vector else signature.inputs.get(name) for name in names]
    for row, cells in enumerate(rows):
        if not isinstance(cells, list) or len(cells) != len(names):
            has = f'{len(cells)} values' if isinstance(cells, list) else clip(repr(cells), 40)
            raise InvalidInstance(place(row, None), f'has {has} for {len(names)} columns')

    def instance(row):
        cells = [value_of(cell, tensor) for cell, tensor in zip(rows[row], tensors, strict=True)]
        return {vector.name: cells} if is_vector else dict(zip(names, cells, strict=True))

    def place_of(row, path):
        name, rest = split(path, [vector.name] if is_vector else names)
        inside = indexes(rest)
        if is_vector:
            return place(row, inside[0] if inside else None)
        return place(row, names.index(name) if name else None) + rest

    return Call(len(rows), instance, place_of, _predictions)


def _names_without_header(lines, signature):
    width = len(lines[0][1]) if lines else 0
    return list(signature.names) if signature.vector is None else [str(number) for number in range(width)]


def _cell(text, tensor):
    """Return the value of a cell of CSV; a text that is not of the property's kind stays, and the schema refuses it."""
    if text == '':
        return None
    if tensor is None:
        return _number(text)
    if tensor.kind in ('string', 'base64'):
        return text
    if tensor.kind == 'boolean':
        return {'true': True, 'false': False}.get(text.lower(), text)
    if tensor.shape and text.startswith('['):
        try:
            return json.loads(text, parse_constant=_refused)
        except ValueError:
            return text
    return _number(text)


def _number(text):
    """Return the number that a text is; the text itself if it is none, or none that JSON could send."""
    stripped = text.strip()
    if INTEGER.fullmatch(stripped):
        return int(stripped) if len(stripped) < MAX_DIGITS else text
    return float(stripped) if NUMBER.fullmatch(stripped) and isfinite(float(stripped)) else text


def _refused(constant):
    raise ValueError(constant)


def _predictions(results):
    return {'predictions': results}, b''
