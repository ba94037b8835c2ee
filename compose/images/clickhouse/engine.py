"""ClickHouse's own engine in this process (chdb), one session a request, as a server gives each request its own settings."""

import re

import chdb
from chdb import _exceptions

# The package raises one and exports the other.
FAILURES = (chdb.ChdbError, _exceptions.ChdbError)
# An error's number and words, as the engine writes them.
ERROR = re.compile(r"Code: (\d+)\. DB::Exception: .*", re.DOTALL)
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
        # Held to the end: with the last connection the engine itself would go.
        self.held = chdb.connect(directory)
        self.version = self.held.query("SELECT version()", "TabSeparatedRaw").bytes().decode().strip()
        if database:
            self.held.query(f"CREATE DATABASE IF NOT EXISTS {quoted(database, '`')}")

    def answer(self, statement, database, settings, form):
        """Runs one statement (bytes) in a session of its own."""
        session = None
        try:
            session = chdb.connect(self.place)
            if database:
                session.query(f"USE {quoted(database, '`')}")
            for name, value in settings:
                if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                    raise Refused(115, f"Code: 115. DB::Exception: Unknown setting {name!r}. (UNKNOWN_SETTING)")
                session.query(f"SET {name} = {quoted(value, chr(39))}")
            return session.query(statement, form).bytes() or b""
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
