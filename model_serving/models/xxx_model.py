from ..utils.log_utils import XXXModel_LOGGER

LOGGER = XXXModel_LOGGER


class XXXModel:
    """Greets by name: the smallest model there is, to be replaced by your own."""

    # It holds nothing but Python objects, so the workers may share one copy.
    load_before_fork = True

    def __init__(self):
        LOGGER.info('Initializing XXX Model ...')
        LOGGER.info('XXX Model Initialized.')

    def hello(self, name: str) -> str:
        """Return the greeting for `name`."""
        return f'Hello, {name}!'

    def predict(self, instances: list) -> list:
        """Return a greeting for each `{'name': str}` of `instances`, in their order."""
        return [self.hello(instance['name']) for instance in instances]
