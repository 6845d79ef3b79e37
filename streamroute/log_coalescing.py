"""The old import path of ``streamroute.text.log_coalescing``, kept for this version."""

from streamroute.text.log_coalescing import CoalescingHandler

__all__ = ["CoalescingHandler"]
