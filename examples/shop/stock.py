"""What lies on the shelves, and what has to be ordered."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import store

if TYPE_CHECKING:
    from cart import Line

SHELVES = tuple(f"{row}{place}" for row in "ABC" for place in range(1, 5))
TODAY = date(2026, 12, 1)


@dataclass(frozen=True)
class Backorder:
    """Goods that the supplier will send."""

    sku: str
    qty: int
    eta: date


def available(sku: str) -> int:
    """How many are free to be sold."""
    [(free,)] = store.execute("SELECT free FROM stock WHERE sku = ?", sku)
    return int(free)


def reserve(line: Line) -> None:
    """Put the goods of this line aside."""
    store.execute("UPDATE stock SET free = free - ? WHERE sku = ?", line.qty, line.sku)


def backorder(line: Line) -> Backorder:
    """Order from the supplier, who is slower the more is ordered."""
    return Backorder(line.sku, line.qty, TODAY + timedelta(days=line.qty))


def recount(shelves: Iterable[str]) -> dict[str, int]:
    """How many pieces lie on each shelf, counted by three people at once."""
    shelves = list(shelves)
    with ThreadPoolExecutor(max_workers=3, thread_name_prefix="pool") as pool:
        return dict(zip(shelves, pool.map(recount_shelf, shelves), strict=True))


def recount_shelf(shelf: str) -> int:
    """How many pieces lie on one shelf."""
    [(pieces,)] = store.execute("SELECT sum(free) FROM stock WHERE shelf = ?", shelf)
    return int(pieces)
