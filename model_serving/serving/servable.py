from .batching import Batcher
from .errors import NotReady


class Servable:
    """One version of a named model: its schemas, its settings and, once loaded, its object and batcher.

    `model_class` is None for a resource that brings its own model: there is nothing to load then.
    `problem` says why it can't answer, None when it can; `answers` are those to the schema's examples.
    """

    def __init__(self, name, version, model_class, schema, result_schema, settings):
        self.name = name
        self.version = version
        self.model_class = model_class
        self.schema = schema
        self.result_schema = result_schema
        self.settings = settings
        self.problem = 'It has not been started yet.'
        self.answers = []
        self._model = None
        self._batcher = None

    @property
    def url(self) -> str:
        return f'/v{self.version}/{self.name}'

    @property
    def endpoint(self) -> str:
        """Flask's name for the handler: unlike the resource's class, it is different for each version."""
        return self.url

    @property
    def examples(self) -> list:
        """Instances that must be answered before the model counts as ready."""
        return (self.schema or {}).get('examples', [])

    @property
    def model(self):
        """The model's object; raises NotReady."""
        if self.problem:
            raise NotReady(f'{self.name} is not ready: {self.problem}')
        return self._model

    def load(self):
        """Make the model's object, once; whatever the model's class raises goes through."""
        if self._model is None and self.model_class is not None:
            self._model = self.model_class()
            if hasattr(self._model, 'predict'):
                self._batcher = Batcher(self.name, self._model.predict, self.settings['max_batch_size'])

    def predict(self, instance):
        """Return the result for one instance; raises NotReady, DeadlineExceeded, and what the model raises."""
        if self.problem:
            raise NotReady(f'{self.name} is not ready: {self.problem}')
        if self._batcher is None:
            raise TypeError(f'{self.name} has no method predict(instances).')
        return self._batcher.predict(instance, self.settings['timeout'])
