"""What the scripts for tensor clients have in common: which tensors they send, and how they print arrays."""

MODELS = ('DigitsModel', 'WineModel', 'XXXModel')


def plain(array):
    """Return an array as JSON has it: a float32 by the digits that it needs."""
    if array.dtype.kind == 'f':
        return array.astype(str).astype(float).tolist()
    return [one.decode() if isinstance(one, bytes) else one for one in array.tolist()]


def calls(tensor) -> dict:
    """Return `(model, inputs(rows, is_binary), names of outputs)` for each call.

    `tensor(name, values, datatype, is_binary)` makes an input of a client.
    """

    def digits(rows, is_binary=True):
        return [tensor('image', [row['image'] for row in rows], 'FP32', is_binary)]

    def wines(rows, is_binary=True):
        return [tensor(name, [row[name] for row in rows], 'FP64', is_binary) for name in rows[0]]

    def wine_columns(rows, is_binary=True):
        return [tensor(name, [[row[name]] for row in rows], 'FP32', is_binary) for name in rows[0]]

    def wine_table(rows, is_binary=True):
        return [tensor('a table', [list(row.values()) for row in rows], 'FP32', is_binary)]

    def names(rows, is_binary=True):
        return [tensor('name', [row['name'].encode() for row in rows], 'BYTES', is_binary)]

    return {
        'digits': ('DigitsModel', digits, ('digit', 'probabilities')),
        'wines': ('WineModel', wines, ('label', 'probabilities')),
        'wine_columns': ('WineModel', wine_columns, ('label', 'probabilities')),
        'wine_table': ('WineModel', wine_table, ('label', 'probabilities')),
        'names': ('XXXModel', names, ('result',)),
    }
