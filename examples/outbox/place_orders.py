"""Place orders: ``python place_orders.py GUEST NIGHTS [GUEST NIGHTS ...]``."""

from __future__ import annotations

import sys
from contextlib import closing

from orders.database import open_database, place_order

if __name__ == "__main__":
    with closing(open_database()) as database:
        for guest, nights in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
            print("order", place_order(database, guest, int(nights)))
