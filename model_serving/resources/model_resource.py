from flask_restful import Resource


class ModelResource(Resource):
    """A resource with its model: `self.model`, and predictions in batches.

    An `async def post(self, instance)` runs on the event loop, must not block, and predicts by
    `await self.predict_async(instance)`. A `def post` runs in a thread, may block, and predicts by
    `self.predict(instance)`. An `async def post` with `yield` answers piece by piece.

    A subclass decorates `post` with `validate_json(schema)`; `result_schema`, where given, describes
    the whole answer, or a piece of it, and is checked against the answers to the schema's examples.
    """

    result_schema = None

    def __init__(self, servable):
        self.servable = servable

    @property
    def model(self):
        """The model's one object; several `def` handlers may call its methods at the same time."""
        return self.servable.model

    async def predict_async(self, instance, model=None):
        """Return the model's result for one instance, predicted in a batch with its neighbours.

        `model` is the name of another model of the service, as 'DigitsModel' or 'v2/DigitsModel': serving/chains.py.
        """
        if model is None:
            return await self.servable.batcher.predict_async(instance)
        return await self.servable.predict_async(instance, model)

    def predict(self, instance, model=None):
        """Return the same for a `def` handler; blocks its thread. Raises BlockingCall on the event loop."""
        return self.servable.predict(instance, model)

    def stream(self, instance):
        """Return the pieces of `self.model.stream(instance)`, which runs in a thread, for `async for`."""
        return self.servable.stream(instance)
