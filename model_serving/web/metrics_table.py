"""The table of metrics, whose names get the prefix `model_serving_`."""

from typing import NamedTuple

from prometheus_client import Counter, Gauge, Histogram

from .application import Call

MODEL = ('model', 'version')
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
# Why calls are refused, in the order of their statuses.
REASONS = (
    *('invalid', 'unauthorized', 'forbidden', 'slow_body', 'too_large', 'media_type', 'queue_full', 'rate_limit'),
    *('not_ready', 'bodies', 'stopped', 'rate_limit_unavailable', 'deadline', 'busy'),
)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Row(NamedTuple):
    """A metric; `options` are those of its class: a histogram's buckets, how the workers' gauges are put together."""

    kind: type
    labels: tuple
    options: dict
    text: str


METRICS = {
    'request_duration_seconds': Row(
        Histogram,
        (*Call._fields, 'status'),
        {'buckets': SECONDS},
        'From the arrival of a request to the end of its answer; its count is the number of requests.',
    ),
    'queue_duration_seconds': Row(
        Histogram, MODEL, {'buckets': SECONDS}, 'How long the first call of each batch has waited.'
    ),
    'predict_duration_seconds': Row(Histogram, MODEL, {'buckets': SECONDS}, 'How long each call of predict took.'),
    'batch_size': Row(Histogram, MODEL, {'buckets': SIZES}, 'How many instances each call of predict had.'),
    'refused_requests': Row(Counter, (*MODEL, 'reason'), {}, 'Requests that were not answered with a result.'),
    'requests_in_flight': Row(
        Gauge, Call._fields, {'multiprocess_mode': 'livesum'}, 'Requests that are being answered.'
    ),
    'calls_waiting': Row(
        Gauge, MODEL, {'multiprocess_mode': 'livesum'}, 'Calls that wait for predict, for a stream or for a thread.'
    ),
    'event_loop_lag_seconds': Row(
        Histogram, (), {'buckets': SECONDS}, 'How late the event loop is, measured ten times a second.'
    ),
    'model_load_duration_seconds': Row(
        Gauge, MODEL, {'multiprocess_mode': 'livemax'}, 'How long it took to load the model.'
    ),
    'worker_resident_memory_bytes': Row(Gauge, (), {'multiprocess_mode': 'liveall'}, 'Resident memory of each worker.'),
    'build_info': Row(Gauge, ('version', 'python'), {'multiprocess_mode': 'livemax'}, 'Always 1.'),
}
