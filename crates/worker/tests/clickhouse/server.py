"""A current ClickHouse for tests: the engine of PyPI's chdb behind the part of the HTTP interface that clients use.

    server.py PORT DIRECTORY

Rows of an insert go through a file (FROM INFILE): in the text of a query the engine would look for its end in them.
Users: whoever says X-ClickHouse-User has to be "default", with the password in CHDB_PASSWORD where that is set.
"""

import os
import re
import sys
import threading
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb.session import Session

NOT_SETTINGS = {"query", "database", "default_format", "query_id", "user", "password", "decompress"}
INSERT = re.compile(r"^\s*(INSERT INTO .*?)\s+FORMAT\s+(\w+)\s*$", re.IGNORECASE | re.DOTALL)

engine = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            chunks.append(self.rfile.read(size))
            if len(chunks[-1]) < size or self.rfile.readline() != b"\r\n":
                raise ConnectionError("the body was cut short")
        self.rfile.readline()
        return b"".join(chunks)

    def answer(self, status, text, code=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        if code:
            self.send_header("X-ClickHouse-Exception-Code", code)
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        self.answer(200, b"Ok.\n")

    def do_POST(self):
        try:
            given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
            body = self.body()
        except (ConnectionError, ValueError):
            self.close_connection = True
            return
        user, password = self.headers.get("X-ClickHouse-User", "default"), self.headers.get("X-ClickHouse-Key", "")
        if user != "default" or password != os.environ.get("CHDB_PASSWORD", password):
            text = f"Code: 516. DB::Exception: {user}: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)"
            return self.answer(403, text.encode(), "516")
        settings = {name: value for name, value in given.items() if name not in NOT_SETTINGS}
        try:
            with engine:
                result = run(given.get("query"), body, given.get("default_format", "TabSeparated"), settings)
            self.answer(200, result)
        except Exception as error:  # the engine's, with its number in front
            code = re.search(r"Code: (\d+)", str(error))
            self.answer(500, str(error).encode(), code and code.group(1))


def literal(value):
    return value if value.isdigit() else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def run(query, body, form, settings):
    """Runs a query under settings that hold for it alone."""
    pairs = ", ".join(f"{name} = {literal(value)}" for name, value in settings.items())
    insert = INSERT.match(query or "")
    if insert:
        with tempfile.NamedTemporaryFile() as rows:
            rows.write(body)
            rows.flush()
            under = f" SETTINGS {pairs}" if pairs else ""
            session.query(f"{insert[1]} FROM INFILE '{rows.name}'{under} FORMAT {insert[2]}")
        return b""
    text = (query + "\n" if query else "") + body.decode()
    if not pairs:
        return session.query(text, form).bytes()
    session.query(f"SET {pairs}")
    try:
        return session.query(text, form).bytes()
    finally:
        session.query("SET " + ", ".join(f"{name} = DEFAULT" for name in settings))


session = Session(sys.argv[2])
server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print(f"127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
