"""``codes``: the frames that a codec's encoder makes of a clip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ssmphony.data.features.feature import Feature, Source, Values
from ssmphony.data.features.samples import SamplesFeature
from ssmphony.interfaces import Encoder


class CodesFeature(Feature):
    """(frame, channel): float32, or int64 where the codec has codebooks.

    ``identity`` tells one trained encoder from another, such as a checksum of its weights.
    """

    name = "codes"
    kept = True

    def __init__(self, encoder: Encoder, identity: str) -> None:
        self.encoder = encoder
        self.identity = identity
        self.samples = SamplesFeature(encoder.grid.sample_rate)

    def settings(self) -> Mapping[str, Any]:
        return {"encoder": self.identity, **vars(self.encoder.grid)}

    def compute(self, source: Source) -> Values:
        frames = np.asarray(self.encoder.encode(self.samples.read(source)[None]))[0]
        return frames.astype(np.int64 if self.encoder.grid.codebooks else np.float32)
