import flask
from werkzeug.exceptions import BadRequest, UnsupportedMediaType


class JSONRequest(flask.Request):
    """Flask's request, whose `json` answers a client's mistakes with what to do about them."""

    def get_data(self, cache=True, as_text=False, parse_form_data=False):
        """Return the body; raises BadRequest when the client broke off or garbled it."""
        try:
            data = super().get_data(cache, as_text, parse_form_data)
        # gunicorn reports broken chunks, and a connection that ended, as OSError.
        except OSError as error:
            raise BadRequest(f'The body could not be read: {error}') from error
        if len(data) < (self.content_length or 0) and not as_text:
            raise BadRequest(f'The body ended after {len(data)} of {self.content_length} bytes.')
        return data

    def on_json_loading_failed(self, error):
        """Raise the 400 or 415 that says how to send JSON; `error` is None for another Content-Type."""
        if not self.get_data():
            raise BadRequest('No JSON object')
        if error is None:
            raise UnsupportedMediaType(
                f'Send JSON with the header Content-Type: application/json, not {self.mimetype or "none"}.'
            )
        raise BadRequest(str(error))
