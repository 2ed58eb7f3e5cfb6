"""What a request may take, by its URL."""

# Of URLs that are no model's, in seconds.
TIMEOUT = 30.0


class Limits:
    """`limits(url)` returns `max_body` in bytes and `timeout` in seconds: the model's at this URL, or the service's."""

    def __init__(self, servables: dict, max_body: int):
        self._servables = servables
        self._others = {'max_body': max_body, 'timeout': TIMEOUT}

    def __call__(self, url: str) -> dict:
        servable = self._servables.get(url)
        return {key: servable.settings[key] for key in self._others} if servable else self._others
