"""The lines that are printed when the service has started: its models, and where to click."""

import os

from ..utils.text_utils import counted

LOOPBACK = {'localhost', '::1'}
NO_KEYS = 'Everybody who reaches this port can call the models. To ask for API keys: bin/new-key.sh NAME'
EVERYWHERE = {'0.0.0.0', '::', ''}


def lines(front, workers: int, threads: int, addresses) -> list:
    """Return the banner's lines; `addresses` are `(host, port)` pairs or paths of sockets."""
    rows = [_row(front.endpoints[url], threads) for url in front.app.servables]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ['  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    urls = dict.fromkeys(map(url, addresses))
    told = access_lines(front.app.keys, addresses)
    return [*table, counted(workers, 'worker'), *told, *(f'Ready. Open {each}' for each in urls)]


def access_lines(keys, addresses) -> list:
    """Return what to tell of the API keys of a service that listens at these addresses."""
    if keys.is_on:
        return [f'Callers need an API key. {keys.path} has {counted(keys.count, "key")}.']
    return [] if all(map(_is_of_this_machine, addresses)) else [NO_KEYS]


def _is_of_this_machine(address):
    return isinstance(address, str) or address[0] in LOOPBACK or address[0].startswith('127.')


def url(address) -> str:
    """Return the URL that a browser on this machine opens for a server's address."""
    if isinstance(address, str):
        return f'unix:{address}'
    host, port = address[:2]
    host = 'localhost' if host in EVERYWHERE else host
    return f'http://[{host}]:{port}/' if ':' in host else f'http://{host}:{port}/'


def _row(endpoint, threads):
    servable = endpoint.servable
    way = '' if endpoint.handler else f'answered by Flask, in {counted(threads, "thread")}'
    if servable.load_process is None:
        return servable.url, servable.problem or servable.source, '', way
    where = 'in each worker' if servable.load_process == os.getpid() else 'once for all workers'
    device = f', on {servable.device}' if servable.device else ''
    return servable.url, servable.source, f'loaded {where} in {servable.load_seconds * 1000:.0f} ms{device}', way
