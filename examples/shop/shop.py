"""A small shop: prices an order, reserves its goods, takes the payment.

    python examples/shop/shop.py 1042

Order 1042 is a large one: a tenth of its lines has to be ordered from the supplier, its coupon has run out, and the
card is declined, so that the order is kept open. Order 1043 is small and is paid.
"""

from __future__ import annotations

import sys

import store
from cart import Cart, Customer, Status
from payments import PaymentFailed

CUSTOMERS = {
    1042: Customer("ada", card_token="card-4000-0000-0000-0002"),
    1043: Customer("grace", card_token="card-4000-0000-0000-0077"),
}


def main(argv: list[str]) -> int:
    """Check out the order whose number is given, and say what became of it."""
    number = int(argv[0]) if argv else 1042
    if number not in CUSTOMERS:
        print(f"shop: no order {number}; there are {', '.join(map(str, CUSTOMERS))}", file=sys.stderr)
        return 2
    with store.opened():
        cart = Cart.load(number)
        try:
            order = cart.checkout(CUSTOMERS[number])
        except PaymentFailed as failed:
            cart.save(Status.OPEN)
            print(f"order {number} kept open: {failed.__cause__}")
        else:
            cart.save(Status.PAID)
            print(f"order {number} paid: {order.total}, {len(order.late)} lines will come later")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
