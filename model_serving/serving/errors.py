"""What can go wrong around a model. Each error of a call carries its HTTP status, and its reason for the metrics."""

from math import ceil


class StartError(Exception):
    """The service can't start; the message is one line for a person: what, where, and the fix."""


class CallError(Exception):
    """A call that can't be answered with a result; the message tells the client why, and what to do."""

    status, reason = 500, None
    # When the client may try again, in whole seconds; None: not said.
    retry_after = None


class NotReady(CallError):
    """The model can't answer in this process: it did not load, its examples failed, or it hangs."""

    status, reason = 503, 'not_ready'

    def __init__(self, name: str, problem: str):
        super().__init__(f'{name} is not ready: {problem}')


class DeadlineExceeded(CallError):
    """The model did not answer within `seconds`."""

    status, reason = 504, 'deadline'

    def __init__(self, name: str, seconds: float):
        super().__init__(f'{name} did not answer within {seconds:g} s. Send less, or wait longer.')


class LatePiece(DeadlineExceeded):
    """A stream did not go on within `seconds`."""

    def __init__(self, name: str, seconds: float):
        CallError.__init__(self, f'{name} stopped in the middle of its answer: for {seconds:g} s no piece came.')


class Busy(CallError):
    """None of the model's threads was free within `seconds`, so it was not called. `kind` is what they run."""

    status, reason = 504, 'busy'

    def __init__(self, name: str, seconds: float, threads: int, kind: str = 'threads'):
        super().__init__(
            f'{name} is busy: for {seconds:g} s all of its {kind} ({threads}) were in use. Try again later.'
        )


class Overloaded(CallError):
    """Too many calls wait for the model; `retry_after` is from the measured time per batch."""

    status, reason = 429, 'queue_full'

    def __init__(self, name: str, waiting: int, seconds: float):
        self.retry_after = min(max(1, ceil(seconds)), 3600)
        super().__init__(f'{waiting} calls wait for {name} already. Try again in {self.retry_after} s.')


class RateLimited(CallError):
    """A caller has sent as many requests to a model as its rate limit allows, such as `100 per minute`."""

    status, reason = 429, 'rate_limit'

    def __init__(self, name: str, limit: str, seconds: float):
        self.retry_after = min(max(1, ceil(seconds)), 86400)
        super().__init__(f'The rate limit of {name} is {limit} for each caller. Try again in {self.retry_after} s.')


class RateLimitUnavailable(CallError):
    """The requests of a caller can't be counted, and the settings say that then nobody is let in."""

    status, reason = 503, 'rate_limit_unavailable'

    def __init__(self, seconds: float):
        self.retry_after = ceil(seconds)
        super().__init__(f'The service cannot check its rate limits at present. Try again in {self.retry_after} s.')


class InvalidInstance(CallError, ValueError):
    """For `predict` to raise: an instance that fits the schema but that the model can't use.

    `path` is where, as in `image[3][7]`, empty at the top. Only the caller who sent it is refused.
    """

    status = 400

    def __init__(self, path: str, message: str):
        super().__init__(f'{path}: {message}' if path else message)
        self.path = path
        self.message = message


class TooManyBodies(CallError):
    """The bodies of all requests together would take too much memory."""

    status, reason, retry_after = 503, 'bodies', 1

    def __init__(self):
        super().__init__('The service holds too many request bodies at present. Try again in a second.')


class Stopped(CallError):
    """The service ends before the answer is complete."""

    status, reason = 503, 'stopped'

    def __init__(self):
        super().__init__('The service was stopped before the answer was complete. Send the request again.')


class HandlerError(RuntimeError):
    """A handler does something wrong, so the line to look at is in its resource."""


class UnknownModel(HandlerError):
    """A handler calls a model that is not served here."""


class RefusedInstance(HandlerError):
    """A handler calls another model with an instance that this does not take."""

    def __init__(self, caller: str, callee: str, reason: str):
        super().__init__(f'{caller} called {callee} with an instance that it refuses: {reason}')


class BlockingCall(HandlerError):
    """The blocking `predict` was called on the event loop, where it would stop every other request."""

    def __init__(self):
        super().__init__('predict would block the event loop. Write: await self.predict_async(…)')
