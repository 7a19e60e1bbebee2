"""A collector that nobody here wrote (oteltest, with Google's reader of protobuf), on a free loopback port.

Prints one line of JSON with its address, and then one for each request: the signal, the headers, and what it understood of it.
"""

import json
import logging
from http.server import HTTPServer

from google.protobuf.json_format import MessageToDict
from oteltest import sink
from oteltest.sink.handler import RequestHandler


class Loopback(HTTPServer):
    """It would listen everywhere, on a port that must be free."""

    def __init__(self, _, handler):
        super().__init__(("127.0.0.1", 0), handler)
        handler.log_message = lambda *_: None
        say({"address": f"http://127.0.0.1:{self.server_port}"})


class Says(RequestHandler):
    def handle_trace(self, request, headers):
        said("traces", request, headers)

    def handle_metrics(self, request, headers):
        said("metrics", request, headers)

    def handle_logs(self, request, headers):
        said("logs", request, headers)


def said(signal, request, headers):
    say({"signal": signal, "headers": headers, "request": MessageToDict(request)})


def say(line):
    print(json.dumps(line), flush=True)


sink.HTTPServer = Loopback
collector = sink.HttpSink(Says(), logging.getLogger("collector"), 0)
collector.start()
collector.svr_thread.join()
