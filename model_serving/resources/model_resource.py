from flask_restful import Resource


class ModelResource(Resource):
    """A resource that is handed its servable: `self.model` and, in batches, `self.predict(instance)`.

    A subclass decorates `post` with `validate_json(schema)`; `result_schema`, where given, describes
    the whole answer and is checked against the answers to the schema's examples.
    """

    result_schema = None

    def __init__(self, servable):
        self.servable = servable

    @property
    def model(self):
        """The model's one object; its methods are entered by several threads at once."""
        return self.servable.model

    def predict(self, instance):
        """Return the model's result for one instance, predicted in a batch with its neighbours."""
        return self.servable.predict(instance)
