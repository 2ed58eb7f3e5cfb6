"""What can go wrong around a model. web/errors.py says which HTTP status each one gets."""


class StartError(Exception):
    """The service can't start; the message is one line for a person: what, where, and the fix."""


class NotReady(Exception):
    """The model can't answer in this process: it did not load, or its examples failed."""


class DeadlineExceeded(Exception):
    """The model did not answer in time."""


class InvalidInstance(ValueError):
    """The instance fits its schema and yet nothing can be predicted for it: the client's to mend."""
