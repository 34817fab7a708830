"""What things cost."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cart import Line

COUPONS = {"HELLO5": Decimal("5.00"), "LEAF20": Decimal("20.00")}
REBATES = {"small": Decimal("1.00"), "middle": Decimal("0.95"), "large": Decimal("0.90")}


@dataclass(frozen=True)
class Offer:
    """A saving that is bought with points."""

    name: str
    points: int
    saving: Decimal


OFFERS = (
    Offer("spring", 3, Decimal("9.50")),
    Offer("garden", 5, Decimal("18.20")),
    Offer("pots", 2, Decimal("5.00")),
    Offer("bulbs", 4, Decimal("11.00")),
    Offer("tools", 6, Decimal("21.30")),
)


def price(line: Line) -> Decimal:
    """The price of one piece, cheaper for those who buy many."""
    base = Decimal(sum(map(ord, line.sku)) * 7 % 3900 + 150) / 100
    return (base * REBATES[tier(line.qty)]).quantize(Decimal("0.01"))


def tier(qty: int) -> str:
    match qty:
        case 1 | 2 | 3:
            return "small"
        case _ if qty < 8:
            return "middle"
        case _:
            return "large"


def bundle_discount(offers: tuple[Offer, ...], points: Decimal) -> Decimal:
    """The most that these offers can save, each taken once or not at all."""
    if not offers:
        return Decimal(0)
    first, *others = offers
    without = bundle_discount(tuple(others), points)
    if first.points > points:
        return without
    return max(without, first.saving + bundle_discount(tuple(others), points - first.points))


def coupon(code: str) -> Decimal:
    """The value of a coupon; KeyError when it is not valid, or not any more."""
    return COUPONS[code]
