"""The names of ``sqlite3``, for packages that import it and never open a database, such as Django
with D1. npm's Pyodide 0.28 has no SQLite; workerd's has. Where Python has the real one, this is not
used.
"""

import datetime
import time

apilevel = "2.0"
paramstyle = "qmark"
threadsafety = 1
sqlite_version = "3.39.0"  # as in workerd's Pyodide 0.28
sqlite_version_info = (3, 39, 0)
PARSE_DECLTYPES = 1
PARSE_COLNAMES = 2

Binary = memoryview
Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
adapters = {}
converters = {}


class Warning(Exception):
    pass


class Error(Exception):
    pass


class InterfaceError(Error):
    pass


class DatabaseError(Error):
    pass


class DataError(DatabaseError):
    pass


class OperationalError(DatabaseError):
    pass


class IntegrityError(DatabaseError):
    pass


class InternalError(DatabaseError):
    pass


class ProgrammingError(DatabaseError):
    pass


class NotSupportedError(DatabaseError):
    pass


class PrepareProtocol:
    pass


class _Absent:
    def __init__(self, *_arguments, **_options):
        raise NotSupportedError(
            "sqlite3 has no SQLite in --runtime node with Python 3.13. Use --runtime workerd, or "
            "Python 3.14: compatibility_date 2026-09-08 or later. D1 bindings work here."
        )


class Connection(_Absent):
    pass


class Cursor(_Absent):
    pass


class Blob(_Absent):
    pass


class Row(_Absent):
    pass


def connect(database, *arguments, **options):
    return Connection(database, *arguments, **options)


def DateFromTicks(ticks):
    return Date(*time.localtime(ticks)[:3])


def TimeFromTicks(ticks):
    return Time(*time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks):
    return Timestamp(*time.localtime(ticks)[:6])


def register_adapter(type_, adapter):
    adapters[type_, PrepareProtocol] = adapter


def register_converter(name, converter):
    converters[name.upper()] = converter


def adapt(value, protocol=PrepareProtocol, *default):
    adapter = adapters.get((type(value), protocol))
    if adapter is not None:
        return adapter(value)
    if default:
        return default[0]
    raise ProgrammingError("can't adapt")


def complete_statement(statement):
    return _Absent(statement)


def enable_callback_tracebacks(_enable):
    pass
