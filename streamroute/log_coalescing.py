"""Former import path of ``streamroute.logs.coalescing``, kept for this version."""

from streamroute.logs.coalescing import CoalescingHandler

__all__ = ["CoalescingHandler"]
