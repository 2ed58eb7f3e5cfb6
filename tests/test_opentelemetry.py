"""OpenTelemetry's own instrumentation works, with no code of ours: around the front, and in Flask."""

import json

import pytest

from model_serving.app import create_app
from model_serving.resources.model_resource import ModelResource
from model_serving.serving.route import Route
from model_serving.utils.conf_utils import Conf
from model_serving.utils.validation_utils import validate_json
from tests.conftest import BASE_FOLDER, call_asgi, run_async, wait_until
from tests.docs.following import blocks, text_of

pytestmark = pytest.mark.opentelemetry

TRACE, PARENT = '0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'
JSON = {'Content-Type': 'application/json', 'traceparent': f'00-{TRACE}-{PARENT}-01'}
LEO, HELLO = b'{"name": "Leo"}', b'{"result":"Hello, Leo!"}\n'
# What the guide puts into main.py; its spans go to a file.
(BLOCK,) = [block.text for block in blocks(text_of('docs/operate.md')) if 'OpenTelemetryMiddleware' in block.text]
TO_A_FILE = """
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter

    def OTLPSpanExporter():
        file = open('spans.jsonl', 'a', buffering=1)
        return ConsoleSpanExporter(out=file, formatter=lambda span: span.to_json(indent=None) + '\\n')
"""
EXPORTER = '    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter\n'
TRACED = BLOCK.replace(EXPORTER, TO_A_FILE)


class TracedResource(ModelResource):
    """An async handler with a span of its own."""

    @validate_json({'type': 'object', 'properties': {'name': {'type': 'string'}}, 'required': ['name']})
    async def post(self, instance):
        from opentelemetry import trace

        with trace.get_tracer('a model').start_as_current_span('in the handler'):
            return {'result': f'Hello, {instance["name"]}!'}


class TracedDefResource(ModelResource):
    """The same, in a thread."""

    @validate_json({'type': 'object', 'properties': {'name': {'type': 'string'}}, 'required': ['name']})
    def post(self, instance):
        from opentelemetry import trace

        with trace.get_tracer('a model').start_as_current_span('in the handler'):
            return {'result': f'Hello, {instance["name"]}!'}


ROUTES = (Route('/v1/AsyncModel', TracedResource, dict), Route('/v1/DefModel', TracedDefResource, dict))


@pytest.fixture(scope='module')
def exporter():
    """The spans of this process; OpenTelemetry has one provider for all."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def spans(exporter):
    """A function that returns the spans of a test, by name."""
    exporter.clear()
    return lambda: {span.name: span for span in exporter.get_finished_spans()}


def call(app, path, body, method='POST'):
    """Call the ASGI application as it is now; return status, headers and body."""

    async def called():
        await app.extensions['front'].start()
        return await call_asgi(app.asgi_app, method, path, JSON, body)

    return run_async(called())


def make_app():
    return create_app(ROUTES, Conf('nowhere', {}))


def is_direct(app, path) -> bool:
    """Tell whether calls are answered without Flask."""
    return app.extensions['front'].endpoints[path].handler is not None


@pytest.fixture
def around():
    """An application with OpenTelemetry's middleware around its front."""
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

    app = make_app()
    app.asgi_app = OpenTelemetryMiddleware(app.asgi_app, exclude_spans=['receive', 'send'])
    return app


@pytest.mark.parametrize('path', ['/v1/AsyncModel', '/v1/DefModel'])
def test_a_middleware_around_the_front_makes_a_span_of_each_call(around, spans, path):
    assert call(around, path, LEO)[::2] == (200, HELLO)
    assert is_direct(around, path) == (path == '/v1/AsyncModel')
    span, inner = spans()[f'POST {path}'], spans()['in the handler']
    assert span.attributes['http.method'] == 'POST'
    assert span.attributes['http.target'] == path
    assert span.attributes['http.status_code'] == 200
    # The client's trace goes on, and the handler is a part of it.
    assert f'{span.context.trace_id:032x}' == f'{inner.context.trace_id:032x}' == TRACE
    assert f'{span.parent.span_id:016x}' == PARENT
    assert inner.parent.span_id == span.context.span_id


@pytest.mark.parametrize('body, method, status', [(b'{}', 'POST', 400), (b'', 'PUT', 405), (b'', 'GET', 200)])
def test_the_span_has_the_status_of_any_answer(around, spans, body, method, status):
    assert call(around, '/v1/AsyncModel', body, method)[0] == status
    assert spans()[f'{method} /v1/AsyncModel'].attributes['http.status_code'] == status


def test_what_flask_answers_can_be_traced_by_flask(spans):
    """Its hooks are seen by the front, which then passes every call to Flask. The answers are the same."""
    from opentelemetry.instrumentation.flask import FlaskInstrumentor

    plain, app = make_app(), make_app()
    FlaskInstrumentor().instrument_app(app)
    try:
        for path in ('/v1/AsyncModel', '/v1/DefModel', '/v1/models/AsyncModel:predict'):
            for body in (LEO, b'{"instances": [{"name": "Leo"}]}', b'{}', b'{'):
                expected, found = call(plain, path, body), call(app, path, body)
                assert found[::2] == expected[::2]
        assert is_direct(plain, '/v1/AsyncModel')
        assert not is_direct(app, '/v1/AsyncModel')
        assert not is_direct(app, '/v1/models/AsyncModel:predict')
        assert spans()['POST /v1/AsyncModel'].attributes['http.route'] == '/v1/AsyncModel'
        call(app, '/v1/DefModel', LEO)
        span, inner = spans()['POST /v1/DefModel'], spans()['in the handler']
        assert span.attributes['http.status_code'] == 200
        assert f'{span.context.trace_id:032x}' == TRACE
        # Not those of async handlers, which Flask calls in an empty context.
        assert inner.parent.span_id == span.context.span_id
    finally:
        FlaskInstrumentor().uninstrument_app(app)


def test_the_real_service_is_traced(make_service):
    """The lines stand at the end of main.py, so they run in the master; spans are written in the workers."""
    main = (BASE_FOLDER / 'main.py').read_text(encoding='utf-8')
    service = make_service({'main.py': main + TRACED}, {'WORKERS': '2', 'OTEL_BSP_SCHEDULE_DELAY': '100'})
    headers = {'traceparent': JSON['traceparent']}
    assert service.post('/v1/XXXModel', {'name': 'Leo'}, headers=headers).content == HELLO
    assert service.post('/v1/XXXModel', {}).status_code == 400

    def written():
        file = service.folder / 'spans.jsonl'
        found = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [span for span in found if span['name'] == 'POST /v1/XXXModel']

    wait_until(lambda: len(written()) == 2)
    # Each worker writes its own.
    answered, refused = sorted(written(), key=lambda span: span['attributes']['http.status_code'])
    assert answered['attributes']['http.status_code'] == 200
    assert answered['context']['trace_id'] == f'0x{TRACE}' != refused['context']['trace_id']
    assert refused['attributes']['http.status_code'] == 400
    assert 'Traceback' not in service.log
    # Calls are answered without Flask all the same.
    assert 'answered by Flask' not in next(line for line in service.log.splitlines() if '/v1/XXXModel' in line)
    assert 'model_serving_request_duration_seconds_count{model="XXXModel"' in service.get('/metrics').text
