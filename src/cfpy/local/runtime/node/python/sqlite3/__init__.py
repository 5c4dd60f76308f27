"""See ``dbapi2.py``."""

from sqlite3.dbapi2 import *
