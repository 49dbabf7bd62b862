"""One layer of a transformer encoder (Vaswani et al. 2017), normalised after each sublayer."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class EncoderLayer(nn.Module):
    """Attention, then a feed-forward part; both residual.

    Dropout acts on what a sublayer adds, never on attention weights: torch's fused attention on a CPU knows none,
    and a training step without it takes half as long again. Legend: N windows, T tokens, Q of
    them that ask, W width, H heads.
    """

    def __init__(self, width: int, *, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width)
        self.feedforward = nn.Sequential(
            nn.Linear(width, feedforward), nn.ReLU(), nn.Linear(feedforward, width)
        )
        self.feedforward_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, asking_NQW: Tensor, tokens_NTW: Tensor, valid_NT: Tensor) -> Tensor:
        """What becomes of the asking tokens, (N, Q, W), when they attend to all tokens that are valid."""
        key_NHTD, value_NHTD = map(self._heads, self.key_value(tokens_NTW).chunk(2, dim=-1))
        mixed_NHQD = functional.scaled_dot_product_attention(
            self._heads(self.query(asking_NQW)), key_NHTD, value_NHTD, attn_mask=valid_NT[:, None, None, :]
        )
        added_NQW = self.out(mixed_NHQD.transpose(1, 2).flatten(2))
        attended_NQW = self.attention_norm(asking_NQW + self.dropout(added_NQW))
        return self.feedforward_norm(attended_NQW + self.dropout(self.feedforward(attended_NQW)))

    def _heads(self, tokens_NTW: Tensor) -> Tensor:
        return tokens_NTW.unflatten(-1, (self.heads, -1)).transpose(1, 2)
