"""What can go wrong around a model. web/errors.py says which HTTP status each one gets."""


class StartError(Exception):
    """The service can't start; the message is one line for a person: what, where, and the fix."""


class NotReady(Exception):
    """The model can't answer in this process: it did not load, or its examples failed."""


class DeadlineExceeded(Exception):
    """The model did not answer in time."""


class InvalidInstance(ValueError):
    """For `predict` to raise: an instance that fits the schema and that the model can't use all the same.

    `path` is where, as in `image[3][7]`, empty at the top. Only the caller who sent it is refused.
    """

    def __init__(self, path: str, message: str):
        super().__init__(f'{path}: {message}' if path else message)
        self.path = path
        self.message = message
