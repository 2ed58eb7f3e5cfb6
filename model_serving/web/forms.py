"""Forms (multipart/form-data): their parts, in memory and with limits; a library parses them."""

from typing import NamedTuple

from multipart import MultipartError, PushMultipartParser
from werkzeug.exceptions import BadRequest

from ..utils.schema_validator import path_text
from ..utils.validation_utils import invalid

FORM = 'multipart/form-data'
MAX_PARTS = 1000
# Values of Content-Transfer-Encoding that leave the bytes unchanged.
AS_IT_IS = ('binary', '7bit', '8bit')
UTF_8 = ('utf-8', 'utf8', 'us-ascii', 'ascii')


class Part(NamedTuple):
    """A part of a form: its name, its bytes, and what its headers say of them."""

    name: str
    data: bytes
    filename: str | None
    content_type: str | None
    charset: str

    @property
    def is_file(self) -> bool:
        """Tell whether the part is a file and not a text."""
        return self.filename is not None or self.content_type not in (None, 'text/plain')

    @property
    def is_absent(self) -> bool:
        """Tell whether the part is what a browser sends for a file that was not chosen."""
        return self.filename == '' and not self.data

    @property
    def text(self) -> str:
        """The part as text; raises BadRequest."""
        if self.charset not in UTF_8:
            raise refused(self.name, f'must be UTF-8 text, not {self.charset[:20]}')
        try:
            return self.data.decode()
        except UnicodeDecodeError as error:
            raise refused(self.name, f'the byte 0x{self.data[error.start]:02x} is not UTF-8 text') from None


def parts_of(body: bytes, boundary: str):
    """Yield the parts of a form; raises BadRequest if it is broken."""
    if not boundary:
        raise refused('', 'The Content-Type of the form has no boundary. Let your client set this header itself.')
    head, data = None, []
    try:
        with PushMultipartParser(boundary.encode('latin-1'), max_segment_count=MAX_PARTS, strict=True) as parser:
            for event in parser.parse(body):
                if event is None:
                    yield _part(head, b''.join(data))
                    data = []
                elif isinstance(event, bytes):
                    data.append(event)
                else:
                    head = event
    except MultipartError as error:
        raise refused('', f'The form is broken: {error.args[0]}. Let a library or curl make it.') from error


def refused(name: str, message: str) -> BadRequest:
    """Return the 400 for a part; `name` is empty for the whole form."""
    return invalid([{'path': path_text([name]), 'message': message}])


def not_json(name: str, error: ValueError) -> BadRequest:
    """Return the 400 for a part whose text is not JSON."""
    return refused(name, str(error).replace('The body is', 'is', 1))


def _part(head, data):
    headers = dict(head.headerlist)
    if len(headers) < len(head.headerlist):
        raise refused(head.name, 'has a header twice')
    if headers.get('Content-Transfer-Encoding', AS_IT_IS[0]).lower() not in AS_IT_IS:
        raise refused(head.name, 'must be sent as it is, without Content-Transfer-Encoding')
    # The library leaves out the `filename*` of some clients, which is a file all the same.
    filename = head.name if head.filename is None and 'filename*' in headers['Content-Disposition'] else head.filename
    return Part(head.name, data, filename, head.content_type, (head.charset or UTF_8[0]).lower())
