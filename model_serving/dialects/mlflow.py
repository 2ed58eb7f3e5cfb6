"""MLflow's scoring protocol, which SageMaker uses too: data frames, as JSON or CSV.

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/ and
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

import csv
import io
import re
from collections import Counter
from math import isfinite

from ..serving.errors import InvalidInstance
from ..utils.text_utils import clip
from .call import MAX_ROWS, Call, check_columns, indexes_of, only_key, property_and_rest, require_rows
from .tensorflow_serving import predictions, read_columns, read_rows

FORMS = ('dataframe_split', 'dataframe_records', 'instances', 'inputs')
ERROR_CODES = {
    404: 'RESOURCE_DOES_NOT_EXIST',
    429: 'REQUEST_LIMIT_EXCEEDED',
    503: 'TEMPORARILY_UNAVAILABLE',
    504: 'DEADLINE_EXCEEDED',
}
NUMBER = re.compile(r'[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?')
NO_NAMES = 'must name the columns. If there is no such line, send Content-Type: text/csv; header=absent'
# A cell may be a file in base64. The module has one limit for all readers.
csv.field_size_limit(2**31 - 1)


def error(message: str, status: int) -> dict:
    """Return the body of an error."""
    code = ERROR_CODES.get(status, 'INTERNAL_ERROR' if status >= 500 else 'BAD_REQUEST')
    return {'error_code': code, 'message': message}


def read(envelope, signature) -> Call:
    """Return the call of a JSON request; raises InvalidInstance."""
    if isinstance(envelope, list):
        raise InvalidInstance('', 'The body must be an object: write {"dataframe_records": …} around the list.')
    if isinstance(envelope, dict) and {'columns', 'data'} <= envelope.keys():
        raise InvalidInstance('', 'Write {"dataframe_split": …} around the body.')
    form = only_key(envelope, FORMS)
    if form == 'dataframe_split':
        return _read_split(envelope[form], signature)
    if form == 'dataframe_records':
        for row, record in enumerate(require_rows(envelope[form], form)):
            if not isinstance(record, dict):
                raise InvalidInstance(f'{form}[{row}]', 'must be an object with the values of a row by their columns')
    return (read_columns if form == 'inputs' else read_rows)(envelope[form], signature, form)


def read_csv(text: str, signature, has_header: bool) -> Call:
    """Return the call for a table in CSV; raises InvalidInstance. Empty cells are null.

    Without a header, the columns are the properties in the schema's order.
    """
    # A line may end with either.
    ends = max(text.count('\n'), text.count('\r'))
    if text.count(',') + ends > MAX_ROWS:
        raise InvalidInstance('', f'A table of more than {MAX_ROWS} cells is not accepted. Send fewer rows.')
    reader = csv.reader(io.StringIO(text, newline=''), strict=True)
    try:
        lines = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as failure:
        raise InvalidInstance(f'line {reader.line_num}', f'is not CSV: {failure}') from None
    if has_header and lines:
        names = [name.strip() for name in lines.pop(0)[1]]
        if any(map(NUMBER.fullmatch, names)) and names != _numbered(len(names)):
            raise InvalidInstance('line 1', NO_NAMES)
    else:
        names = list(signature.names) if signature.vector is None else _numbered(len(lines[0][1]) if lines else 0)
    if not lines:
        raise InvalidInstance('', 'The table has no row.')

    def place(row, column):
        return f'line {lines[row][0]}' + (f', column {names[column]}' if column is not None else '')

    call = _table(names, [cells for _, cells in lines], signature, place, _cell)
    optional = {name for name, one in signature.inputs.items() if not one.required and not one.nullable}

    def instance(row):
        # An empty cell of a property that may be left out, but not be null, is left out.
        return {name: value for name, value in call.instance(row).items() if value is not None or name not in optional}

    return call._replace(instance=instance)


def _read_split(frame, signature):
    place = 'dataframe_split'
    names = frame.get('columns') if isinstance(frame, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str | int) for name in names):
        raise InvalidInstance(place, 'must be an object with columns, a list of names, and data, a list of rows')
    rows = require_rows(frame.get('data'), f'{place}.data')

    def place_of(row, column):
        return f'{place}.data[{row}]' + (f'[{column}]' if column is not None else '')

    return _table(list(map(str, names)), rows, signature, place_of, lambda cell, *_: cell)


def _table(names, rows, signature, place, value_of) -> Call:
    """Return the call for rows of cells. `place(row, column)` names a cell; `place(row, None)` the row.

    `value_of(cell, tensor, may_be_text)` returns the value of a cell.
    """
    check_columns(names, '')
    if len(set(names)) < len(names):
        name, _ = Counter(names).most_common(1)[0]
        raise InvalidInstance('', f'Column {clip(name, 60)!r} appears twice.')
    for row, cells in enumerate(rows):
        if not isinstance(cells, list) or len(cells) != len(names):
            has = f'{len(cells)} values' if isinstance(cells, list) else clip(repr(cells), 40)
            raise InvalidInstance(place(row, None), f'has {has} for {len(names)} columns')
    # pandas writes the index into a first column without a name.
    columns = range(names[:1] == [''], len(names))
    vector = signature.vector
    is_vector = vector is not None and vector.name not in names and vector.shape[0] in (None, len(columns))
    tensors = [vector if is_vector else signature.inputs.get(name) for name in names]

    def instance(row):
        cells = rows[row]
        values = [value_of(cells[n], tensors[n], names[n] in signature.texts) for n in columns]
        return (
            {vector.name: values} if is_vector else {names[n]: value for n, value in zip(columns, values, strict=True)}
        )

    def place_of(row, path):
        name, rest = property_and_rest(path, [vector.name] if is_vector else names)
        if is_vector:
            return place(row, next((columns[index] for index in indexes_of(rest)), None))
        return place(row, names.index(name) if name else None) + rest

    return Call(len(rows), instance, place_of, predictions)


def _numbered(count):
    """Return the names that pandas gives to columns without names."""
    return [str(number) for number in range(count)]


def _cell(text, tensor, may_be_text):
    """Return the value of a cell of CSV. A text that does not fit its property stays, and the schema refuses it."""
    if text == '':
        return None
    if may_be_text:
        return text
    if tensor is not None and tensor.kind == 'boolean':
        return {'true': True, 'false': False}.get(text.strip().lower(), text)
    number = _number(text.strip())
    # Of a property of any type, only what was certainly written as a number.
    return text if number is None or (tensor is None and str(number) != text) else number


def _number(text):
    """Return the number that a text stands for; None if it is not a number that JSON could send."""
    if not NUMBER.fullmatch(text):
        return None
    if text.lstrip('+-').isdecimal():
        return int(text) if len(text) <= 20 and -(2**63) <= int(text) < 2**64 else None
    return float(text) if isfinite(float(text)) else None
