"""gunicorn's threaded worker, made quick."""

import errno
import selectors
import sys
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from time import monotonic

from greenlet import GreenletExit, getcurrent
from gunicorn.workers.gthread import _DEFER, STOP_KEEPALIVE_LINGER, ThreadWorker

from . import connection, connection_counts
from .handler_threads import HandlerThreads
from .hub import HASTE, PATIENCE, SILENCE, Wait, hub_of_thread

# How long the leader watches a silent connection, in seconds, before the main thread does.
LINGER = 0.01
# How many clients that stopped in the middle a worker waits for at a time, for each thread: those that were silent for
# STOPPED seconds, and all of them.
STOPPED_CLIENTS, SLOW_CLIENTS = 4, 16
STOPPED = 1
# For how long one connection is answered, in seconds, while it has sent further requests already and others wait.
TURN = PATIENCE / 2
# For how long a thread may keep the interpreter while another waits for it, in seconds; Python's own 5 ms let a
# model that predicts hold up whoever reads requests and sends answers, three times a request.
SWITCH_INTERVAL = 0.0005
ELECTED = 'elected'


class Worker(ThreadWorker):
    """A threaded worker in which one thread, the leader, waits for all busy connections and answers their requests.

    So, while answers are quick, no two threads ask for the interpreter at the same time. A request that waits, for a
    prediction or for its client, lets its hub, the leader, go on with others. While some wait there, a handler that
    may stand still is called in another thread, since it would hold them up; where none does, the leader calls it,
    and if that takes longer than PATIENCE another thread takes the lead, and all such handlers get threads of their
    own for as long as one stands still, and HASTE more.

    A connection that is silent for LINGER goes to the stock worker's own poller, in its main thread, which gives it
    back with its next request.
    """

    def init_process(self):
        # Guards what connections the selector watches, `in_flight` and `watched` of each, and who leads.
        self._lock = threading.Lock()
        self._busy = selectors.DefaultSelector()
        self._leader = None
        self._led = threading.Event()
        # Connections with requests that have come already, but not their turn.
        self._unfinished = deque()
        # The threads that lead, or did and still have something to answer.
        self._hubs = set()
        # Those whose clients are waited for in the middle, in the order of their last sign.
        self._slow = {}
        self._hasty_until = 0.0
        self._handler_threads = {}
        if self.cfg.threads > 1:
            threading.Thread(target=self._watch_leader, name='leader watch', daemon=True).start()
        sys.setswitchinterval(SWITCH_INTERVAL)
        # As plain attributes: gunicorn asks for some twenty of them a request, by way of two functions each.
        vars(self.cfg).update((name, setting.get()) for name, setting in self.cfg.settings.items())
        super().init_process()

    def get_thread_pool(self):
        """Return the threads for the leader and for those that stand still instead of leading on; or a single one."""
        return ThreadPoolExecutor(self.cfg.threads + (self.cfg.threads > 1))

    def give_threads(self):
        """Call what may stand still in threads of its own for a while: something does."""
        if self.cfg.threads > 1:
            self._hasty_until = monotonic() + HASTE

    def accept(self, listener):
        """Accept a connection, unless a worker that has fewer can: it is waiting, too."""
        if connection_counts.others_have_fewer(self.age, self.nr_conns):
            return
        super().accept(listener)

    def wait_for_and_dispatch_events(self, timeout):
        """Note how many connections there are, and do what the main thread has to do."""
        connection_counts.note(self.age, self.nr_conns)
        if self.alive and self.nr_conns >= self.worker_connections:
            self._make_room()
        super().wait_for_and_dispatch_events(timeout)

    def _make_room(self):
        """Let go of the connection that has been idle for longest: the stock worker would accept no other."""
        for idle, close_expired in (
            (self.pending_conns, self.murder_pending),
            (self.keepalived_conns, self.murder_keepalived),
        ):
            if idle:
                idle[0].timeout = 0
                close_expired()
                self.set_accept_enabled(True)
                return

    def enqueue_req(self, conn):
        """Watch a connection that is new, or whose next request the main thread's poller has seen."""
        conn.data_ready = True
        conn.in_flight = False
        with self._lock:
            self._watch(conn)

    def handle(self, conn):
        """Answer one request; returns as the stock worker's does."""
        if hasattr(conn, 'pieces_left'):
            return connection.drain(conn)
        if not conn.initialized:
            connection.prepare(conn)
        return super().handle(conn) or connection.end(conn)

    def calls_apart(self, hub):
        """Tell whether what may stand still has to be called in another thread.

        That is where others wait in the hub, and where it no longer leads: nobody would see then that it stands still.
        """
        return (hub.waiting or self._leader is not hub or monotonic() < self._hasty_until) and self.cfg.threads > 1

    def call_apart(self, hub, servable, function, *arguments):
        """Return what the function returns, called in another thread; the hub goes on with others.

        Raises what HandlerThreads.call does.
        """
        if servable not in self._handler_threads:
            # Connections are left to the other models.
            most = min(servable.settings['max_queue'], self.worker_connections // 2)
            self._handler_threads.setdefault(servable, HandlerThreads(servable, self.cfg.threads, most))
        hub.apart += 1
        try:
            return self._handler_threads[servable].call(Wait(hub), self.give_threads, function, *arguments)
        finally:
            hub.apart -= 1

    def wait_for_client(self, hub, event):
        """Let the hub go on until the client of its current request is ready for `event`.

        Raises BlockingIOError where the client is silent for SILENCE, or is the slowest of too many.
        """
        conn = getcurrent().conn
        wait = Wait(hub)
        with self._lock:
            self._let_slowest_go()
            self._slow[conn] = wait
            conn.used = monotonic()
            if conn.watched:
                self._busy.modify(conn.sock, event, conn)
            else:
                self._watch(conn, event)
        ready = wait.acquire(SILENCE)
        with self._lock:
            kept = self._slow.pop(conn, None) is not None
            if conn.watched:
                self._busy.modify(conn.sock, selectors.EVENT_READ, conn)
        if not kept:
            raise connection.SlowestClient(errno.EAGAIN, 'the slowest of too many clients')
        if not ready:
            raise BlockingIOError(errno.EAGAIN, 'a silent client')

    def _let_slowest_go(self):
        """Where there are too many, wait no longer for the one that has been silent, or busy, for longest."""
        slowest, most_stopped = None, STOPPED_CLIENTS * self.cfg.threads
        if len(self._slow) >= SLOW_CLIENTS * self.cfg.threads:
            # Not the most silent one, or who sends a byte at a time would stay in place of who pauses.
            slowest = min(self._slow, key=lambda conn: conn.begun)
        elif len(self._slow) >= most_stopped:
            last_stopped = next(islice(self._slow, most_stopped - 1, None))
            slowest = next(iter(self._slow)) if monotonic() - last_stopped.used > STOPPED else None
        if slowest is not None:
            self._slow.pop(slowest).release()

    def _watch(self, conn, event=selectors.EVENT_READ):
        """Have the leader wait for the connection's next request."""
        conn.watched = True
        conn.used = monotonic()
        self._busy.register(conn.sock, event, conn)
        if self._leader is None:
            self._elect()

    def _unwatch(self, conn):
        if conn.watched:
            conn.watched = False
            self._busy.unregister(conn.sock)

    def _elect(self):
        self._leader = ELECTED
        self._led.set()
        # Who led before and only waits can do it again, so that no slow client costs a thread.
        if all(hub.step for hub in self._hubs):
            self.tpool.submit(self._lead_safely)

    def _depose(self):
        self._busy.unregister(self._leader)
        self._leader = None

    def _lead_safely(self):
        while True:
            try:
                return self._lead()
            except Exception:
                # Another thread leads from here on; this one goes on with the calls that wait in its hub.
                self.log.exception('Error of the leader')
                with self._lock:
                    if self._leader is hub_of_thread():
                        self._depose()
                        self._elect()

    def _lead(self):
        """Be the leader, until another thread is or there is nothing to wait for."""
        hub = hub_of_thread()
        hub.worker = self
        swept = monotonic()
        while not self.tpool._shutdown:
            with self._lock:
                if self._leader is ELECTED:
                    self._leader = hub
                    self._busy.register(hub, selectors.EVENT_READ)
                if self._leader is not hub and not hub.waiting:
                    self._hubs.discard(hub)
                    return
                self._hubs.add(hub)
            if self._leader is hub:
                self._serve_ready(hub)
            else:
                # Another thread leads; here is still to be answered what came before.
                hub.sleep_alone(LINGER)
            hub.resume(None)
            now = monotonic()
            if now - swept > LINGER:
                swept = now
                hub.resume(now)
                self._sweep(hub, now - LINGER)

    def _serve_ready(self, hub):
        if hub.apart and len(hub.waiting) == hub.apart and monotonic() > self._hasty_until:
            # Those calls soon return, or make haste; until then whatever may stand still would have to be one, too.
            return hub.sleep_alone(LINGER)
        for key, _ in hub.sleep(self._busy.select, 0 if self._unfinished else LINGER):
            conn = key.data
            if conn is None:
                hub.was_woken()
            elif self._takes(hub, conn):
                hub.run(self._answer, conn)
        if self._unfinished:
            with self._lock:
                conn = self._unfinished.popleft() if self._unfinished and self._leader is hub else None
            if conn is not None:
                hub.run(self._answer, conn)

    def _takes(self, hub, conn):
        """Tell whether this hub is to answer what a connection has sent; another thread may have done so meanwhile."""
        with self._lock:
            if self._leader is not hub or not conn.watched:
                return False
            if conn.in_flight:
                # It is waited for; or it has sent more, or closed.
                self._unwatch(conn)
                if conn in self._slow:
                    self._slow[conn].release()
                return False
            conn.in_flight = True
            conn.begun = monotonic()
            return True

    def _answer(self, conn):
        """Answer a request, and those that came with it; then wait for the next or give the connection back."""
        getcurrent().conn = conn
        keep, until = False, monotonic() + TURN
        try:
            keep = self.handle(conn)
            while keep is True and connection.has_more(conn):
                if monotonic() > until:
                    return self._interrupt(conn)
                keep = self.handle(conn)
        except GreenletExit:
            raise
        except BaseException:
            # Else the thread would end, and with it the lead.
            self.log.exception('Error on a connection')
        with self._lock:
            conn.in_flight = False
            conn.used = monotonic()
            if keep is not True:
                self._unwatch(conn)
            elif not conn.watched:
                self._watch(conn)
        if keep is not True:
            self._give_back(conn, keep)

    def _interrupt(self, conn):
        """Answer others before the further requests that have come by this connection."""
        with self._lock:
            self._unfinished.append(conn)
            if self._leader is None:
                self._elect()

    def _give_back(self, conn, keep):
        done = Future()
        done.set_result(keep)
        self.method_queue.defer(self.finish_request, conn, done)

    def _sweep(self, hub, before):
        """Give connections back that have been silent since `before`; the lead ends where none is left."""
        with self._lock:
            if self._leader is not hub:
                return
            conns = [key.data for key in self._busy.get_map().values() if key.data]
            # A worker that stops has no poller for those who have just connected, so it waits for them here.
            first = before if self.alive else before - STOP_KEEPALIVE_LINGER
            silent = [
                conn for conn in conns if not conn.in_flight and conn.used < (before if conn.initialized else first)
            ]
            for conn in silent:
                self._unwatch(conn)
            if len(silent) == len(conns) and not self._unfinished:
                self._depose()
                self._led.clear()
        for conn in silent:
            self._give_back(conn, True if conn.initialized else _DEFER)

    def _watch_leader(self):
        """Have another thread lead where the leader does not get on; the thread of this does nothing else."""
        standing = []
        while True:
            self._led.wait(HASTE / 2 if standing else None)
            leader = self._leader
            step = getattr(leader, 'step', None)
            time.sleep(PATIENCE)
            standing = [(hub, its_step) for hub, its_step in standing if hub.step == its_step]
            stands = step is not None and leader.step == step
            if stands:
                standing.append((leader, step))
            if standing:
                # First of all, or who leads next would call such a handler itself.
                self.give_threads()
            if stands:
                with self._lock:
                    if self._leader is leader:
                        self._depose()
                        self._elect()
            elif leader is ELECTED and self._leader is ELECTED:
                # Who was going to lead stands still instead.
                self.tpool.submit(self._lead_safely)

    def _keepalive_after(self, conn, keepalive):
        """Tell whether the connection can be used again; a body that was read to its end needs no draining."""
        if keepalive and getattr(conn.parser.mesg.body.reader, 'length', None) == 0:
            # Else the parser would ask the request again for the rest of its body, and whether it was the last.
            conn.parser.mesg = None
            return True
        try:
            return super()._keepalive_after(conn, keepalive)
        except BlockingIOError:
            return False

    def _cap_keepalive(self, deadline):
        """When the worker stops, connections that never sent a request need not be waited for either.

        Who has connected is still answered, then the listeners are closed: the stock worker lets new clients wait
        until its last answer, and resets them all.
        """
        for listener in self.sockets:
            # A bound, since where only this worker ends, clients go on to connect to the others.
            for _ in range(self.worker_connections):
                if not connection.is_readable(listener):
                    break
                self.accept(listener)
            listener.close()
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)
