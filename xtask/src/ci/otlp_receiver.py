"""Takes one OTLP/HTTP request and holds it beside the protocol's own description (opentelemetry-proto): a field that it does not
know, or a value of another type, is an error. Prints how many metrics came. Usage: otlp_receiver.py PORT"""

import http.server
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        request = json_format.Parse(body, ExportMetricsServiceRequest(), ignore_unknown_fields=False)
        metrics = [m for r in request.resource_metrics for s in r.scope_metrics for m in s.metrics]
        empty = [m.name for m in metrics if m.WhichOneof("data") is None]
        wrong = [
            m.name
            for m in metrics
            if m.WhichOneof("data") == "histogram"
            for p in m.histogram.data_points
            if len(p.bucket_counts) != len(p.explicit_bounds) + 1 or sum(p.bucket_counts) != p.count
        ]
        assert not empty and not wrong, (empty, wrong)
        self.send_response(200)
        self.end_headers()
        print(len(metrics))

    def log_message(self, *_):
        pass


http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).handle_request()
