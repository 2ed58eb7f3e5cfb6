"""Other names for the inputs, the outputs and the classes of a model file, from the sections of its .conf file."""

from ..serving.errors import InvalidInstance, StartError
from ..utils.text_utils import did_you_mean
from .schemas import classifier_schema, object_schema

REMOVE = ' Remove the setting.'


class Renamed:
    """A loaded model file whose inputs, outputs and classes have the names that `settings` give them.

    Raises StartError for a name that the file does not have, or if the number of classes is not that of the file.
    """

    def __init__(self, loaded, settings: dict):
        self._loaded = loaded
        # The file's name of each of ours, and the other way round.
        self._inputs = settings['inputs']
        self._ours = {file_name: ours for ours, file_name in self._inputs.items()}
        self.schema = _renamed(loaded.schema, self._inputs, '[inputs]')
        self.typical = _with_names(getattr(loaded, 'typical', {}), self._ours)
        self.result_schema = _renamed(loaded.result_schema, settings['outputs'], '[outputs]')
        self._outputs = {file_name: ours for ours, file_name in settings['outputs'].items()}
        own, of_results = getattr(loaded, 'dtypes', ({}, {}))
        self.dtypes = _with_names(own, self._ours), _with_names(of_results, self._outputs)
        self._name_classes = None
        if settings['classes']:
            self._name_classes, self.result_schema = _with_classes(loaded.result_schema, settings['classes'])
            of_results = {'probabilities': of_results.get('probabilities'), 'scores': of_results.get('result')}
            self.dtypes = self.dtypes[0], of_results

    def __getattr__(self, name):
        return getattr(self._loaded, name)

    def use_schema(self, schema: dict):
        """Give the model the schema with the user's patch."""
        if hasattr(self._loaded, 'use_schema'):
            properties = {self._inputs.get(ours, ours): value for ours, value in schema['properties'].items()}
            self._loaded.use_schema({**schema, 'properties': properties})

    def predict(self, instances: list) -> list:
        """Return the results for instances with our names."""
        if self._inputs:
            instances = [{self._inputs.get(ours, ours): value for ours, value in one.items()} for one in instances]
        try:
            results = self._loaded.predict(instances)
        except InvalidInstance as error:
            name, bracket, rest = error.path.partition('[')
            raise InvalidInstance(self._ours.get(name, name) + bracket + rest, error.message) from error
        if self._outputs:
            results = [_with_names(one, self._outputs) for one in results]
        return list(map(self._name_classes, results)) if self._name_classes else results


def check_names(names, known, section):
    """Raise StartError if `names`, the file's by ours, are not among the known ones."""
    for ours, file_name in names.items():
        if file_name not in known:
            hint = did_you_mean(file_name, known)
            there_are = f'There are: {", ".join(known)}.' if known else 'The file has one, and it has no name.'
            raise StartError(f'{section} {ours} = {file_name}: the file has no such name.{hint} {there_are}')
        if (ours in known and ours not in names.values()) or list(names.values()).count(file_name) > 1:
            raise StartError(f'{section} {ours} = {file_name}: two would have the same name, or one would have two.')


def _renamed(schema, names, section):
    """Return a schema whose properties have other names; `names` are the file's, by ours."""
    if not names or schema is None:
        return schema
    known = schema.get('properties', {})
    check_names(names, known, section)
    ours = {file_name: name for name, file_name in names.items()}
    required = [ours.get(name, name) for name in schema['required']]
    return {
        **schema,
        'properties': {ours.get(name, name): value for name, value in known.items()},
        'required': required,
    }


def _with_names(result, names):
    # A single output has no name.
    return {names.get(name, name): value for name, value in result.items()} if isinstance(result, dict) else result


def _with_classes(result_schema, classes):
    """Return a function that names the classes in a result, and the schema of what it returns."""
    if len(set(classes)) < len(classes):
        raise StartError('classes = …: two classes have the same name.')
    result_schema = result_schema or {}
    properties = result_schema.get('properties', {})
    numbers = properties.get('label', result_schema).get('enum')
    if numbers and isinstance(numbers[0], str):
        raise StartError(f'classes = …: the file names its classes itself: {", ".join(numbers)}.')
    is_scores = result_schema.get('type') == 'array' and result_schema['items'].get('type') != 'array'
    count = len(numbers) if numbers else is_scores and result_schema.get('maxItems')
    if not count:
        raise StartError(f'classes = …: the file has no classes, or it does not say how many.{REMOVE}')
    if len(classes) != count:
        raise StartError(f'classes = …: the file has {count} classes, not {len(classes)}.')
    scores = classifier_schema(classes)['properties']['probabilities']
    if not numbers:
        return lambda result: _scored(result, classes), object_schema({'label': {'enum': classes}, 'scores': scores})
    names = dict(zip(numbers, classes, strict=True))
    if not properties:
        return lambda result: {'label': names[int(result)]}, object_schema({'label': {'enum': classes}})
    if 'probabilities' not in properties:
        return lambda result: {'label': names[result['label']]}, object_schema({'label': {'enum': classes}})
    texts = {str(number): name for number, name in names.items()}
    return lambda result: _named(result, names, texts), classifier_schema(classes)


def _named(result, names, texts):
    probabilities = {texts[number]: value for number, value in result['probabilities'].items()}
    return {'label': names[result['label']], 'probabilities': probabilities}


def _scored(scores, classes):
    scores = dict(zip(classes, scores, strict=True))
    return {'label': max(scores, key=scores.get), 'scores': scores}
