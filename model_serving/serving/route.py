import re
from importlib.util import find_spec
from typing import NamedTuple

from .errors import StartError

# These words stand for other things in URLs, in conf files or in the names of environment variables.
RESERVED_NAMES = {'models', 'health', 'repository', 'model', 'serving'}


class Route(NamedTuple):
    """A row of routes.py: where a resource is served and the class of its model.

    `url` is `/v<int>/<Name>`; a name starts with a letter and goes on with letters, digits and `_`.
    `needs` is the name by which an optional package is imported; without that package the row is skipped.
    """

    url: str
    resource: type
    model: type | None = None
    needs: str | None = None
    place: str = 'routes.py'

    @property
    def is_installed(self) -> bool:
        """Tell whether the optional package is there, or none is needed."""
        try:
            return self.needs is None or find_spec(self.needs) is not None
        # `needs` is a part of a package, and the whole is missing.
        except ModuleNotFoundError:
            return False

    @property
    def version_and_name(self) -> tuple[int, str]:
        """Return `(1, 'XXXModel')` for `/v1/XXXModel`; raises StartError for any other shape."""
        match = re.fullmatch(r'/v([0-9]+)/([A-Za-z]\w*)', self.url, re.ASCII)
        if not match:
            raise StartError(
                f'{self.place}: {self.url!r} must have the form /v<number>/<Name>, its name of letters, digits and _.'
            )
        if match[2].lower() in RESERVED_NAMES:
            raise StartError(f'{self.place}: {self.url!r}: the name {match[2]!r} is reserved. Choose another.')
        return int(match[1]), match[2]
