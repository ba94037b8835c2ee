"""ClickHouse's HTTP interface over its own engine in this process, for where its server cannot be had.

The statement is the parameter `query` with the body behind it; every parameter that is no word of the interface is a
setting. What the project uses is here and no more: no TLS, no compression, no sessions over several requests.
"""

import argparse
import base64
import os
import signal
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from engine import Engine, Refused
from users import Users

# Of the interface, and no settings.
WORDS = {"query", "database", "default_format", "user", "password", "query_id", "compress", "decompress"}
# Ignored: they say how the answer is carried, which is the same here whatever they say.
CARRIED = {"wait_end_of_query", "buffer_size", "enable_http_compression", "send_progress_in_http_headers"}
# A statement with its rows; more at once is refused rather than kept in memory.
LARGEST = 256 * 1024 * 1024


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "clickhouse-stand-in"

    def do_GET(self):
        path, _, text = self.path.partition("?")
        if path == "/ping" or (path == "/" and not text):
            self.reply(200, b"Ok.\n")
        else:
            # As the server does: what is asked by GET changes nothing.
            self.ask(text, may_write=False)

    def do_POST(self):
        self.ask(self.path.partition("?")[2], may_write=True)

    def ask(self, text, may_write):
        # Read first, whatever becomes of it: the next request stands behind it on the same connection.
        body = self.body()
        if body is None:
            return
        try:
            pairs = urllib.parse.parse_qsl(text, keep_blank_values=True)
            words = {name: value for name, value in pairs if name in WORDS}
            user = self.user(words)
            if words.get("compress", "0") != "0" or words.get("decompress", "0") != "0":
                raise Refused(48, "Code: 48. DB::Exception: compression is not implemented here. (NOT_IMPLEMENTED)")
            settings = [(name, value) for name, value in pairs if name not in WORDS | CARRIED]
            # Last: nothing after it can be set.
            if not may_write or user in self.server.users.read_only:
                settings.append(("readonly", "2"))
            statement = words.get("query", "").encode()
            form = words.get("default_format") or self.headers.get("X-ClickHouse-Format") or "TabSeparated"
            database = words.get("database") or self.headers.get("X-ClickHouse-Database")
            self.reply(200, self.server.engine.answer(statement, body, database, settings, form))
        except Refused as refused:
            words = f"{refused} (version {self.server.engine.version})\n"
            self.reply(refused.status, words.encode(), {"X-ClickHouse-Exception-Code": str(refused.code)})

    def user(self, words):
        """The user, who has shown the right password."""
        name, password = words.get("user"), words.get("password", "")
        if name is None:
            name, password = self.headers.get("X-ClickHouse-User"), self.headers.get("X-ClickHouse-Key", "")
        kind, _, text = self.headers.get("Authorization", "").partition(" ")
        if name is None and kind.lower() == "basic":
            try:
                name, _, password = base64.b64decode(text).decode().partition(":")
            except ValueError:
                name = None
        name = name or "default"
        if not self.server.users.may(name, password):
            message = f"Code: 516. DB::Exception: {name}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)"
            raise Refused(516, message)
        return name

    def body(self):
        """All of it. None where it is too large or was cut short: then nothing is done, and the connection ends."""
        try:
            if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
                size = int(self.headers.get("Content-Length") or 0)
                return self.piece(size) if size <= LARGEST else self.too_large()
            pieces, total = [], 0
            while size := int(self.rfile.readline().split(b";")[0], 16):
                total += size
                if total > LARGEST:
                    return self.too_large()
                pieces.append(self.piece(size))
                self.piece(2)
            while self.rfile.readline().strip():
                pass
            return b"".join(pieces)
        except ValueError:
            self.close_connection = True
            return None

    def piece(self, size):
        piece = self.rfile.read(size)
        if len(piece) < size:
            raise ValueError("cut short")
        return piece

    def too_large(self):
        self.close_connection = True
        self.reply(413, b"larger than this server takes at once\n")

    def reply(self, status, content, headers=None):
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, form, *arguments):
        """Requests carry passwords, so none is logged."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # Requests that were begun are answered before the engine goes.
    block_on_close = True
    request_queue_size = 64


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:8123", metavar="ADDRESS:PORT")
    parser.add_argument("--data", required=True, metavar="DIRECTORY")
    parser.add_argument("--users", metavar="FILE", help="as under ClickHouse's users.d; without it: default, no password")
    parser.add_argument("--database", default=os.environ.get("CLICKHOUSE_DB"), help="made if it is not there")
    arguments = parser.parse_args()
    address, _, port = arguments.listen.rpartition(":")
    users = Users(arguments.users)
    engine = Engine(arguments.data, arguments.database)
    server = Server((address, int(port)), Request)
    server.users, server.engine = users, engine

    def stop(_signal, _frame):
        # Not here: it waits for the loop, which this handler interrupts.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"ClickHouse {engine.version} in {arguments.data}, on {address}:{server.server_address[1]}", flush=True)
    server.serve_forever()
    server.server_close()
    engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
