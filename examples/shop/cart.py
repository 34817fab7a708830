"""The cart and the order that it becomes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

import payments
import pricing
import stock
import store


class Status(Enum):
    """How far an order has come."""

    OPEN = "open"
    PAID = "paid"


@dataclass(frozen=True)
class Customer:
    name: str
    card_token: str


@dataclass(frozen=True)
class Line:
    """So many of one article."""

    sku: str
    qty: int

    @classmethod
    def from_row(cls, row: list[str]) -> Line:
        sku, qty = row
        return cls(sku, int(qty))


@dataclass
class Order:
    """What is to be paid, and what will come later."""

    number: int
    customer: Customer
    total: Decimal = Decimal(0)
    late: list[stock.Backorder] = field(default_factory=list)
    note: str | None = None


@dataclass
class Cart:
    number: int
    code: str
    lines: list[Line]
    total: Decimal = Decimal(0)

    @classmethod
    def load(cls, number: int) -> Cart:
        """The cart that was saved under this number."""
        (code,), *rows = store.read_rows(f"orders/{number}.csv")
        return cls(number, code, [Line.from_row(row) for row in rows])

    def checkout(self, customer: Customer) -> Order:
        """Price, reserve and pay every line of this cart."""
        order = Order(self.number, customer)
        for line in self.lines:
            unit = pricing.price(line)
            free = stock.available(line.sku)
            if free >= line.qty:
                stock.reserve(line)
            else:
                order.late.append(stock.backorder(line))
            order.total += unit * line.qty
        order.total -= pricing.bundle_discount(pricing.OFFERS, points=order.total // 25)
        try:
            order.total -= pricing.coupon(self.code)
        except KeyError:
            order.note = f"no coupon {self.code}"
        self.total = order.total
        stock.recount(stock.SHELVES)
        asyncio.run(payments.settle(order))
        return order

    def save(self, status: Status) -> None:
        """Remember how far this cart has come."""
        store.execute("INSERT INTO orders VALUES (?, ?, ?)", self.number, status.value, str(self.total))
