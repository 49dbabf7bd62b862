"""Prompts as the numbers that the networks attend to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

#: Texts whose embeddings are kept; an SDXL embedding takes 0.3 MB in half precision.
_KEPT = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class TextEmbedding:
    """One text. Legend: T tokens, D and P features."""

    tokens: torch.Tensor
    """(T, D)."""
    pooled: torch.Tensor | None
    """(P,) of the whole text; None where the model has one text encoder."""


class TextEmbeddings:
    """Embeds one text at a time, so that its neighbours cannot change a bit of it.

    Args:
        tokenizers: one, or two for the SDXL family.
        encoders: CLIP text encoders, as many.
    """

    def __init__(self, tokenizers: Sequence[Any], encoders: Sequence[Any]) -> None:
        self._pairs = list(zip(tokenizers, encoders))
        self.of = lru_cache(maxsize=_KEPT)(self._of)
        """``of(text)``: the text's embedding; what exceeds the tokenizer's length is cut off."""

    def _of(self, text: str) -> TextEmbedding:
        outputs = [encoder(self._ids(tokenizer, text, encoder.device), output_hidden_states=True)
                   for tokenizer, encoder in self._pairs]  # fmt: skip
        if len(outputs) == 1:
            return TextEmbedding(tokens=outputs[0].last_hidden_state[0], pooled=None)
        # SDXL was trained on the last layer but one of both encoders, and the second one's projection.
        tokens = torch.cat([output.hidden_states[-2][0] for output in outputs], dim=-1)
        return TextEmbedding(tokens=tokens, pooled=outputs[-1].text_embeds[0])

    @staticmethod
    def _ids(tokenizer: Any, text: str, device: torch.device) -> torch.Tensor:
        length = tokenizer.model_max_length
        ids = tokenizer(text, padding="max_length", max_length=length, truncation=True).input_ids
        return torch.tensor([ids], device=device)
