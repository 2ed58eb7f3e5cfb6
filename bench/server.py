"""One running peer: started, asked, measured and stopped."""

import http.client
import json
import os
import shlex
import signal
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psutil
from catalog import BASE_FOLDER, TMP_FOLDER, cases, same

START_SECONDS = 120
MARK = 'BENCH_MARK'
# One thread for each process's numeric library, for all: there are as many processes as cores.
ONE_THREAD = dict.fromkeys(('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'), '1')


class PeerError(Exception):
    """The peer did not start, or answered wrongly; the message is shown in its place in the tables."""


class Server:
    """A peer's processes, known by a mark in their environment: some put themselves into sessions of their own."""

    def __init__(self, peer, workload, port, folder, bin_folder, log_file, environment=()):
        self.peer = peer
        self.workload = workload
        self.port = port
        self.log_file = log_file
        self._mark = uuid.uuid4().hex
        self._environment = _environment(peer, workload, port, self._mark) | dict(environment)
        extra = peer.logging if workload.access_log else peer.quiet
        self._command = shlex.split(f'{peer.command} {extra}'.format(bin=bin_folder, port=port))
        self._folder = folder
        self._process = None

    def start(self) -> float:
        """Return the seconds until the first right answer; raises PeerError."""
        started = time.perf_counter()
        with open(self.log_file, 'wb') as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        first_case = cases(self.workload)[0]
        while time.perf_counter() < started + START_SECONDS:
            if self._process.poll() is not None:
                raise PeerError(f'did not start: {self._last_line()}')
            try:
                self._check(self.workload.names[-1], first_case)
                return time.perf_counter() - started
            except (OSError, http.client.HTTPException):
                time.sleep(0.005)
            except PeerError as error:
                # Some answer 404 or 503 until their models are loaded.
                problem = error
                time.sleep(0.02)
        raise PeerError(f'no right answer within {START_SECONDS} s: {locals().get("problem") or self._last_line()}')

    def check(self):
        """Ask every case of every model, several at a time, so that a batch of theirs is checked; raises PeerError."""
        asked = [(name, case) for name in self.workload.names for case in cases(self.workload)]
        with ThreadPoolExecutor(8) as pool:
            try:
                list(pool.map(lambda question: self._check(*question), asked))
            except OSError as error:
                raise PeerError(f'{type(error).__name__}: {error}') from error

    def paths(self) -> list:
        return [self.peer.wire.path.format(name=name) for name in self.workload.names]

    def body(self) -> bytes:
        """Return the first case's body."""
        instance, _ = cases(self.workload)[0]
        return json.dumps(self.peer.wire.wrap(self.workload.names[0], instance)).encode()

    def processes(self) -> list:
        """Return all processes of this server, also those that left its session."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def cpu_seconds(self) -> float:
        """Return the seconds of user and system time of all its processes, ended ones included."""
        seconds = 0.0
        for process in self.processes():
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            seconds += sum(times[:4])
        return seconds

    def memory(self) -> tuple:
        """Return the sums of resident and proportional memory, in bytes."""
        resident = proportional = 0
        for process in self.processes():
            try:
                full = process.memory_full_info()
            except psutil.Error:
                continue
            resident += full.rss
            proportional += full.pss
        return resident, proportional

    def stop(self):
        """End the server, politely for 5 s."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        rest = self.processes()
        for process in rest:
            with suppress(psutil.Error):
                process.kill()
        self._process.wait()
        psutil.wait_procs(rest, 5)

    def _check(self, name, case):
        instance, expected = case
        wire = self.peer.wire
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=20)
        try:
            body = json.dumps(wire.wrap(name, instance)).encode()
            connection.request('POST', wire.path.format(name=name), body, {'Content-Type': 'application/json'})
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        try:
            answer = wire.unwrap(json.loads(content))
        except (ValueError, KeyError, IndexError, TypeError):
            answer = None
        if not 200 <= response.status < 300 or not same(answer, expected):
            raise PeerError(f'{name}: answered {response.status}: {content[:200].decode(errors="replace")}')

    def _is_ours(self, process):
        try:
            return process.environ().get(MARK) == self._mark
        except psutil.Error:
            return False

    def _last_line(self):
        lines = self.log_file.read_text(errors='replace').strip().splitlines()
        return lines[-1][:300] if lines else 'it wrote nothing'


def _environment(peer, workload, port, mark):
    kept = {key: os.environ[key] for key in ('PATH', 'LANG', 'LC_ALL', 'TMPDIR') if key in os.environ}
    own = {
        key: value.format(port=port, second_port=port + 1000, workload=workload.served)
        for key, value in peer.environment.items()
    }
    return {
        **kept,
        **ONE_THREAD,
        'HOME': str(TMP_FOLDER),
        'PYTHONPATH': str(BASE_FOLDER / 'bench' / 'shared'),
        'BENCH_WORKLOAD': workload.served,
        'BENCH_PORT': str(port),
        MARK: mark,
        'MODEL_SERVING_SERVING_ACCESS_LOG': 'on' if workload.access_log else 'off',
        **own,
    }


@contextmanager
def running(server):
    """Start `server`, give the seconds that it took, and stop it whatever happens; raises PeerError."""
    try:
        yield server.start()
    finally:
        server.stop()
