"""Entry pipeline: what a storage needs of the configuration whose entries it reads and settles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from streamroute.adapters.codecs.builtin import Codec, codec_named
from streamroute.adapters.entries.entry_skipper import EntryFilter
from streamroute.delivery import DeliveryPipeline
from streamroute.payload_redaction import HIDES_NOTHING, PayloadRedactor


class EntryPipeline(DeliveryPipeline, Protocol):
    """Decodes the entries of one stream; each of their deliveries belongs to it until it is settled."""

    @property
    def codec(self) -> Codec:
        """The codec of the entries."""
        ...

    @property
    def prefilter(self) -> EntryFilter | None:
        """Says which new entries no route takes (None: each is handled)."""
        ...


@dataclass(frozen=True, slots=True)
class CodecPipeline:
    """The pipeline of a storage without a configuration: a codec."""

    codec: Codec
    generation: str = ""
    redactor: PayloadRedactor = HIDES_NOTHING
    prefilter: EntryFilter | None = None


def codec_pipeline(codec: Codec | str) -> CodecPipeline:
    """Return the pipeline of a codec, or of the built-in codec with this name."""
    return CodecPipeline(codec_named(codec) if isinstance(codec, str) else codec)
