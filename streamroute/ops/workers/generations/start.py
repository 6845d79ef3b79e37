"""What a worker starts with: the files of the supervisor's generation, which come before the first order."""

from __future__ import annotations

import socket
from io import BytesIO
from typing import TYPE_CHECKING, Final

from streamroute.errors import SetupError
from streamroute.ops.workers.generations.messages import MAX_LINE, ProtocolError, decode_order
from streamroute.system.record_format import RecordFormatError, unpack_record

if TYPE_CHECKING:
    from streamroute.system.file_record import FileRecord

_PATIENCE: Final = 30.0  # seconds without a byte
_CHUNK: Final = 1 << 20


def read_start(end: socket.socket, patience: float = _PATIENCE) -> FileRecord:
    """Return the files of the generation to start with; blocks until the supervisor has sent them.

    Raises SetupError if they do not come: it has ended, or sends something else.
    """
    end.settimeout(patience)
    try:
        _, _, size = decode_order(_line(end))
        return unpack_record(_exactly(end, size))
    except TimeoutError:
        raise SetupError(f"the supervisor sent no configuration within {patience:g} s") from None
    except (OSError, EOFError):
        raise SetupError("the supervisor ended before it sent the configuration") from None
    except (ProtocolError, RecordFormatError) as error:
        raise SetupError(f"the supervisor sent no configuration: {error}") from None
    finally:
        end.settimeout(None)


def _line(end: socket.socket) -> bytes:
    """Read a line byte by byte: what follows it belongs to others."""
    line = bytearray()
    while not line.endswith(b"\n") and len(line) < MAX_LINE:
        line += _received(end, 1)
    return bytes(line)


def _exactly(end: socket.socket, size: int) -> bytes:
    content = BytesIO()
    while (left := size - content.tell()) > 0:
        content.write(_received(end, min(left, _CHUNK)))
    return content.getvalue()


def _received(end: socket.socket, most: int) -> bytes:
    chunk = end.recv(most)
    if not chunk:
        raise EOFError
    return chunk
