"""GET /metrics: what the workers have counted, in the format of Prometheus."""

import logging
import os
import platform
from bisect import bisect_left
from collections import Counter, deque
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from flask import Response, abort, current_app, request
from flask_restful import Resource
from prometheus_client import CollectorRegistry, exposition
from prometheus_client.multiprocess import MultiProcessCollector

from .. import __version__
from ..utils import ended_workers, service_folder
from .application import NO_CALL
from .metrics_table import METRICS, REASONS

LOGGER = logging.getLogger('metrics')
# Where Linux tells how much memory a process has.
STATM = '/proc/self/statm'
STATUSES = range(100, 600)


class Observers(NamedTuple):
    """Where a batcher collects the values of its batches, in seconds and instances."""

    queue: deque
    predict: deque
    size: deque


class ByStatus(dict):
    """A cache of `make(*labels, status)`. An invalid status counts as 500, which bounds the series."""

    def __init__(self, make, *labels):
        self._make, self._labels = make, labels

    def __missing__(self, status):
        if status not in STATUSES:
            return self[500]
        made = self[status] = self._make(*self._labels, str(status))
        return made


class Metrics:
    """What one process counts. prometheus-client adds up what all workers have counted: see service_folder.py.

    The values of a histogram are collected in a deque. `flush` adds them to the histogram, ten times a second, since
    `observe` takes 3 µs for each. `durations` has, by the URL of a POST, the deques of its requests by their status;
    `others` those of any other request. The front sets `in_flight`, which returns how many requests of each `Call` it
    is answering.
    """

    def __init__(self, app):
        self._app = app
        self._registry = CollectorRegistry()
        self._metrics, self._calls = {}, set()
        # The values of each histogram that are to be added to it.
        self._noted = []
        self.durations, self.others, self.lag = {}, None, None
        self.in_flight = lambda: {}
        self._statm = None

    def start(self):
        """Begin to count; call this in each process, after the fork, when the models have been tried.

        Without room for its files, the process has no metrics: writing to a mapped file on a full disk kills it.
        """
        if problem := _problem():
            LOGGER.error('This process has no metrics: %s', problem)
            self._app.metrics = None
            return
        self._metrics = {
            name: row.kind(f'model_serving_{name}', row.text, row.labels, registry=self._registry, **row.options)
            for name, row in METRICS.items()
        }
        self.lag = self._values('event_loop_lag_seconds')
        calls = {url: self._app.call_of('POST', url) for url in (*self._app.servables, *self._app.predictions)}
        make = partial(self._values, 'request_duration_seconds')
        self.durations = {url: ByStatus(make, *call) for url, call in calls.items()}
        self.others = ByStatus(make, *NO_CALL)
        # Made beforehand, so that Prometheus sees the first as an increase.
        for url in self._app.servables:
            for status in (200, 500):
                self.durations[url][status] = make(*calls[url], str(status))
        self._calls = {*calls.values(), NO_CALL}
        for servable in self._app.servables.values():
            self._start_model(servable)
        # Open from now on: a process may run out of files.
        self._statm = os.open(STATM, os.O_RDONLY) if os.path.exists(STATM) else None
        self._metrics['build_info'].labels(__version__, platform.python_version()).set(1)

    def _start_model(self, servable):
        model = servable.name, str(servable.version)
        observed = ('queue_duration_seconds', 'predict_duration_seconds', 'batch_size')
        servable.batcher.observers = Observers(*(self._values(name, *model) for name in observed))
        refused = self._metrics['refused_requests']
        servable.refusals = {reason: refused.labels(*model, reason) for reason in REASONS}
        self._metrics['model_load_duration_seconds'].labels(*model).set(servable.load_seconds or 0)

    def _values(self, name, *labels) -> deque:
        """Return a deque for values of a histogram."""
        histogram, values = self._metrics[name], deque()
        self._noted.append((histogram.labels(*labels) if labels else histogram, values))
        return values

    def flush(self):
        """Add what has been noted to the histograms; from any thread."""
        for histogram, values in self._noted:
            if values:
                _observe_all(histogram, list(_taken(values)))

    def durations_of(self, method: str, path: str) -> ByStatus:
        """Return the deques of a request by its status."""
        return self.durations.get(path, self.others) if method == 'POST' else self.others

    def update(self):
        """Set the gauges, and add what has been noted to the histograms."""
        self.flush()
        in_flight = self.in_flight()
        for call in self._calls:
            self._metrics['requests_in_flight'].labels(*call).set(in_flight.get(call, 0))
        for servable in self._app.servables.values():
            self._metrics['calls_waiting'].labels(servable.name, str(servable.version)).set(servable.waiting)
        if self._statm is not None:
            pages = int(os.pread(self._statm, 100, 0).split()[1])
            self._metrics['worker_resident_memory_bytes'].set(pages * os.sysconf('SC_PAGE_SIZE'))

    def text(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics of all workers, and their Content-Type."""
        self.update()
        try:
            write, content_type = exposition.choose_encoder(accept)
        # It can't compare every version that is asked for.
        except (TypeError, ValueError):
            write, content_type = exposition.choose_encoder('')
        folder = service_folder.folder()
        if folder is None:
            return write(self._registry), content_type
        registry = CollectorRegistry()
        registry.register(AllWorkers(folder))
        with ended_workers.locked(folder):
            return write(registry), content_type


def _problem() -> str | None:
    """Return why there can be no files for the metrics; None if there can."""
    try:
        folder = service_folder.folder()
        return None if folder is None or ended_workers.has_room(folder) else f'{folder.parent} is full'
    except OSError as error:
        return str(error)


def _taken(values):
    """Yield what is in a deque, and leave it empty; of several threads, each value goes to one."""
    with suppress(IndexError):
        while True:
            yield values.popleft()


def _observe_all(histogram, values):
    """Do what `observe` does, for all values at once, which prometheus_client has no function for."""
    histogram._sum.inc(sum(values))
    for bucket, count in Counter(bisect_left(histogram._upper_bounds, value) for value in values).items():
        histogram._buckets[bucket].inc(count)


class AllWorkers:
    """Collects the metrics of all processes that write to a folder."""

    def __init__(self, folder: Path):
        self._folder = folder

    def collect(self):
        """Return the metrics."""
        return MultiProcessCollector.merge(map(str, ended_workers.files_of(self._folder)))


class MetricsResource(Resource):
    """The metrics of this service, for Prometheus."""

    undocumented = True

    def get(self):
        accept = request.headers.get('Accept', '')
        text = b''
        # The files may have been cleared away.
        with suppress(OSError):
            text, content_type = current_app.metrics.text(accept) if current_app.metrics else (b'', '')
        if not text:
            abort(503, 'This process has no metrics. Restart the service, if there is room in /dev/shm or /tmp.')
        return Response(text, content_type=content_type)
