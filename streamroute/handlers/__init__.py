"""Built-in handlers: ``streamroute.handlers.forward``, ``log`` and ``webhook``. Independent of routes."""

from streamroute.handlers.forward import forward
from streamroute.handlers.reporting import log
from streamroute.handlers.webhooks import webhook

__all__ = ["forward", "log", "webhook"]
