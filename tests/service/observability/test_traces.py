"""Traces: a span a request and one a statement, sent to a collector that listens in this process."""

import json
import sys

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from session_service.app import create_app
from session_service.observability.traces import open_traces
from session_service.settings import Settings
from tests.service.http.conftest import ServiceServer

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


class Collector:
    """An OTLP collector; `spans` are those of all exports, `resources` what they say of their sender."""

    def __init__(self):
        self.spans, self.resources = [], []

    async def collect(self, request):
        export = ExportTraceServiceRequest.FromString(await request.read())
        for resource in export.resource_spans:
            self.resources.append(attributes(resource.resource))
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return web.Response()


def attributes(of):
    return {each.key: each.value.string_value or each.value.int_value for each in of.attributes}


@pytest.fixture
async def collector(monkeypatch):
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.collect)
    async with TestServer(app) as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", str(server.make_url("/")))
        yield collector


async def ask(v3, method, path, **words):
    """One request to a service that ends, and sends its spans, right after; gives the status."""
    settings = Settings.load({"AGNO_SESSION_DSN_MAP": json.dumps({"main": v3.dsn})})
    async with TestClient(ServiceServer(create_app(settings))) as client:
        return (await client.request(method, path, **words)).status


async def test_a_request_has_a_span_and_each_of_its_statements_one_below_it(v3, collector):
    v3.session("canary-a")
    parent = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "mine"}
    assert await ask(v3, "GET", "/sessions/canary-a?user_id=canary-user", headers=parent) == 404
    [request] = [span for span in collector.spans if span.kind == span.SPAN_KIND_SERVER]
    assert (request.name, request.trace_id.hex(), request.parent_span_id.hex()) == (
        "GET /sessions/{session_id}",
        TRACE,
        PARENT,
    )
    assert attributes(request) == {
        "http.request.method": "GET",
        "http.route": "/sessions/{session_id}",
        "http.response.status_code": 404,
        "request.id": "mine",
        "client.address": "127.0.0.1",
    }
    statements = [span for span in collector.spans if span.kind == span.SPAN_KIND_CLIENT]
    assert statements
    for span in statements:
        assert (span.trace_id, span.parent_span_id) == (request.trace_id, request.span_id)
        assert request.start_time_unix_nano < span.start_time_unix_nano < span.end_time_unix_nano
        assert attributes(span)["db.namespace"] == "main"
        assert "%s" in attributes(span)["db.query.text"] or "canary" not in attributes(span)["db.query.text"]
    assert "canary" not in str(collector.spans)
    assert collector.resources[0]["service.name"] == "agno-session-service"


async def test_a_failed_statement_and_its_request_are_marked(v3, collector):
    v3.session("a")
    v3.run("ALTER TABLE ai.agno_sessions RENAME TO kept")
    v3.run(
        "CREATE FUNCTION ai.full() RETURNS boolean LANGUAGE plpgsql"
        " AS $$BEGIN RAISE 'no space left' USING ERRCODE = 'disk_full'; END$$"
    )
    v3.run("CREATE VIEW ai.agno_sessions AS SELECT * FROM ai.kept WHERE ai.full()")
    assert await ask(v3, "GET", "/sessions") == 503
    failed = [span for span in collector.spans if span.status.code == span.status.STATUS_CODE_ERROR]
    assert {span.kind for span in failed} == {failed[0].SPAN_KIND_SERVER, failed[0].SPAN_KIND_CLIENT}
    assert "error.type" in {key for span in failed for key in attributes(span)}


async def test_a_caller_that_does_not_sample_is_obeyed(v3, collector):
    assert await ask(v3, "GET", "/sessions", headers={"traceparent": f"00-{TRACE}-{PARENT}-00"}) == 200
    assert collector.spans == []


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nobody_who_does_not_ask_for_traces_has_them(environment):
    assert open_traces("1", environment) is None


def test_who_asks_for_traces_without_the_extra_is_told_what_to_install(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert open_traces("1", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector"}) is None
    assert "pip install 'agno-session-store[otel]'" in caplog.text
