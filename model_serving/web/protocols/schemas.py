"""What /openapi.json says of the bodies of other protocols."""

TEXT, LIST = {'type': 'string'}, {'type': 'array'}
SHAPE = {'type': 'array', 'items': {'type': 'integer', 'minimum': -1}}
PARAMETERS = {'type': ['object', 'null'], 'description': 'Such as `binary_data_size`, or `binary_data` of an output'}
TENSOR = {'name': TEXT, 'datatype': TEXT, 'shape': SHAPE}


def _object(required, **properties):
    return {'type': 'object', 'required': required.split(), 'properties': properties}


def _list_of(schema):
    return {'type': 'array', 'items': schema}


METADATA = _list_of(_object('name datatype shape', **TENSOR))
INPUT = _object('name datatype shape', **TENSOR, data=LIST, parameters=PARAMETERS)
OUTPUT = _object('name datatype shape', **TENSOR, data=LIST, parameters=PARAMETERS)
ROWS = {
    'instances': {
        'type': 'array',
        'minItems': 1,
        'description': 'A row each: an object, or the value of the only property',
    },
    'inputs': {'description': 'Columns: an object with a list for each property'},
}
STATE = _object('version state', version=TEXT, state=TEXT)

PROTOCOL_SCHEMAS = {
    'OIPRequest': _object(
        'inputs',
        id={'description': 'Comes back in the answer'},
        inputs={**_list_of(INPUT), 'minItems': 1},
        outputs={**_list_of(_object('name', name=TEXT, parameters=PARAMETERS)), 'type': ['array', 'null']},
    ),
    'OIPResponse': _object('model_name outputs', model_name=TEXT, model_version=TEXT, outputs=_list_of(OUTPUT)),
    'OIPModel': _object(
        'name inputs outputs',
        name=TEXT,
        versions=_list_of(TEXT),
        platform=TEXT,
        inputs=METADATA,
        outputs=METADATA,
        parameters=_object('no_tensors', no_tensors={**TEXT, 'description': 'Why the model has no tensors'}),
    ),
    'OIPReady': {'type': 'object', 'properties': {name: {'type': 'boolean'} for name in ('live', 'ready')}},
    'OIPIndex': _list_of(_object('name version state', name=TEXT, version=TEXT, state=TEXT, reason=TEXT)),
    'OIPServer': _object('name version extensions', name=TEXT, version=TEXT, extensions=_list_of(TEXT), models=LIST),
    'TFRequest': {'type': 'object', 'properties': ROWS},
    'TFResponse': {'type': 'object', 'properties': {'predictions': LIST, 'outputs': {}}},
    'TFModels': _object('models', models=_list_of(TEXT)),
    'TFStatus': _object('model_version_status', model_version_status=_list_of(STATE)),
    'TFMetadata': _object('model_spec metadata', model_spec={'type': 'object'}, metadata={'type': 'object'}),
    'MLflowRequest': {
        'type': 'object',
        'properties': {
            'dataframe_split': _object('columns data', columns=LIST, data=LIST),
            'dataframe_records': _list_of({'type': 'object'}),
            **ROWS,
        },
    },
    'MLflowResponse': _object('predictions', predictions=LIST),
    'ProtocolError': _object('error', error={**TEXT, 'description': 'What is wrong, for a person to read'}),
    'MLflowError': _object('error_code message', error_code=TEXT, message=TEXT),
}
