"""Everything that is read or kept: the files of the shop and its database."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

HERE = Path(__file__).parent
SCHEMA = """
CREATE TABLE stock (sku TEXT PRIMARY KEY, shelf TEXT, free INTEGER);
CREATE TABLE orders (number INTEGER, status TEXT, total TEXT);
"""

_database: sqlite3.Connection
_lock = Lock()


@contextmanager
def opened() -> Iterator[None]:
    """The shop's database, in memory and stocked from `stock.csv`, open while the block runs."""
    global _database
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as _database:
        _database.executescript(SCHEMA)
        _database.executemany("INSERT INTO stock VALUES (?, ?, ?)", read_rows("stock.csv"))
        yield


def execute(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run one statement, from any thread, and give the rows that it finds."""
    with _lock, _database:
        return _database.execute(sql, values).fetchall()


def read_rows(name: str) -> Iterator[list[str]]:
    """The rows of one of the shop's CSV files, read as they are needed."""
    with (HERE / name).open(newline="") as file:
        yield from csv.reader(file)


def write_text(name: str, text: str) -> Path:
    """Write a file of the shop; the answer is its path within the shop."""
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text + "\n")
    return path.relative_to(HERE)
