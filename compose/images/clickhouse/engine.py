"""ClickHouse's own engine in this process (chdb), one session a request, as a server gives each request its own settings."""

import os
import re
import tempfile

import chdb
from chdb import _exceptions

# The package raises one and exports the other.
FAILURES = (chdb.ChdbError, _exceptions.ChdbError)
# An error's number and words, as the engine writes them.
ERROR = re.compile(r"Code: (\d+)\. DB::Exception: .*", re.DOTALL)
# Rows come behind such a statement: what it says before its settings, these, the rows' format.
INSERT = re.compile(rb"\s*(INSERT\s+INTO\s+.*?)(\s+SETTINGS\s+.*?)?\s+FORMAT\s+(\w+)\s*", re.IGNORECASE | re.DOTALL)
# What the answer's status says, by the number; every other error is 500.
STATUS = {
    400: {6, 26, 27, 33, 38, 41, 62, 72, 117},
    403: {164, 194, 497, 516},
    404: {46, 47, 50, 56, 60, 81, 115},
    408: {159},
    503: {202},
}


class Refused(Exception):
    """What the engine, or whoever stands before it, says instead of an answer."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.status = next((status for status, codes in STATUS.items() if code in codes), 500)


class Engine:
    """A data directory, opened once: a second process is refused it by the engine's own lock."""

    def __init__(self, directory, database):
        self.place = directory
        # Rows on their way in; what a killed server left there is nobody's.
        self.incoming = os.path.join(directory, "incoming")
        os.makedirs(self.incoming, exist_ok=True)
        for name in os.listdir(self.incoming):
            os.unlink(os.path.join(self.incoming, name))
        # Held to the end: with the last connection the engine itself would go.
        self.held = chdb.connect(directory)
        self.version = self.held.query("SELECT version()", "TabSeparatedRaw").bytes().decode().strip()
        if database:
            self.held.query(f"CREATE DATABASE IF NOT EXISTS {quoted(database, '`')}")

    def answer(self, statement, body, database, settings, form):
        """Runs one statement in a session of its own, with what comes behind it (both bytes)."""
        session = None
        try:
            session = chdb.connect(self.place)
            if database:
                session.query(f"USE {quoted(database, '`')}")
            for name, value in settings:
                if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                    raise Refused(115, f"Code: 115. DB::Exception: Unknown setting {name!r}. (UNKNOWN_SETTING)")
                session.query(f"SET {name} = {quoted(value, chr(39))}")
            insert = INSERT.fullmatch(statement) if body else None
            if insert is None:
                statement = statement + b"\n" + body if statement and body else statement or body
                return session.query(statement, form).bytes() or b""
            # By a file: in a statement's text the engine would look for the end of the text in the rows.
            with tempfile.NamedTemporaryFile(dir=self.incoming) as rows:
                rows.write(body)
                rows.flush()
                head, under, of = insert.groups(b"")
                session.query(head + f" FROM INFILE '{rows.name}'".encode() + under + b" FORMAT " + of, form)
            return b""
        except FAILURES as error:
            found = ERROR.search(str(error))
            raise Refused(int(found[1]) if found else 1002, found[0] if found else str(error)) from None
        finally:
            if session is not None:
                session.close()

    def close(self):
        """Lets go of the directory."""
        self.held.close()


def quoted(text, mark):
    """A name in backquotes, or a text in single ones."""
    return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark
