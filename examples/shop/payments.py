"""Taking the payment and writing the receipt, both at the same time."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import store

if TYPE_CHECKING:
    from cart import Order


class CardDeclined(Exception):
    """The bank does not pay."""


class PaymentFailed(Exception):
    """The order with this number was not paid."""


@dataclass(frozen=True)
class Reply:
    """What the gateway answers."""

    status: int
    reason: str


async def settle(order: Order) -> None:
    """Charge the card while the receipt is being written."""
    charging = asyncio.create_task(charge(order, order.customer.card_token), name="charge")
    writing = asyncio.create_task(receipt(order), name="receipt")
    try:
        await charging
    except CardDeclined as declined:
        raise PaymentFailed(order.number) from declined
    finally:
        await writing


async def charge(order: Order, token: str) -> None:
    """Take the total from the card, or say why that is not possible."""
    reply = await gateway(order.total, sign(order, token))
    if reply.status != 200:
        raise CardDeclined(reply.reason)


def sign(order: Order, token: str) -> bytes:
    """Proof that this charge comes from us."""
    return hmac.digest(token.encode(), f"{order.number}:{order.total}".encode(), hashlib.sha256)


async def gateway(total: Decimal, signature: bytes) -> Reply:
    """The bank, which thinks for a while; a stand-in for a service on the network."""
    await asyncio.sleep(0.03)
    if total > 5000:
        return Reply(402, "insufficient funds")
    return Reply(200, "approved")


async def receipt(order: Order) -> Path:
    """Write what was bought and wait until the printer has it."""
    path = store.write_text(f"receipts/{order.number}.txt", "\n".join(receipt_lines(order)))
    await asyncio.sleep(0.012)
    return path


def receipt_lines(order: Order) -> Iterator[str]:
    """The lines of a receipt, one after the other."""
    yield f"order {order.number} for {order.customer.name}"
    yield f"total {order.total:>12}"
    if order.note:
        yield order.note
    for late in order.late[:3]:
        yield f"{late.qty} of {late.sku} on {late.eta:%d %B}"
    if len(order.late) > 3:
        yield f"and {len(order.late) - 3} more that come later"
