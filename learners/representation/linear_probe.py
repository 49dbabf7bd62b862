"""How much of a label can be read off codes by a linear map."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

_ITERATIONS = 200
_RIDGE = 1e-4


class LinearProbe:
    """Multinomial logistic regression on standardised codes, fitted to convergence: no seed, no rate to choose.

    Legend: N codes, Z numbers each, C classes.
    """

    def __init__(self, codes_NZ: np.ndarray, label_N: np.ndarray) -> None:
        """Fit. ``label_N`` holds any integers; the probe knows the values it has seen."""
        self._classes, target_N = np.unique(label_N, return_inverse=True)
        self._mean = codes_NZ.mean(axis=0, dtype=np.float64)
        spread = codes_NZ.std(axis=0, dtype=np.float64)
        self._scale = np.where(spread > 1e-8, spread, 1.0)
        size = codes_NZ.shape[1]
        weight_ZC = torch.zeros(size, len(self._classes), dtype=torch.float64, requires_grad=True)
        bias_C = torch.zeros(len(self._classes), dtype=torch.float64, requires_grad=True)
        points_NZ, target = self._standardised(codes_NZ), torch.from_numpy(target_N)
        optimiser = torch.optim.LBFGS(
            [weight_ZC, bias_C], max_iter=_ITERATIONS, line_search_fn="strong_wolfe", tolerance_grad=1e-6
        )

        def closure() -> torch.Tensor:
            optimiser.zero_grad()
            loss = functional.cross_entropy(points_NZ @ weight_ZC + bias_C, target)
            loss = loss + _RIDGE * weight_ZC.square().sum()
            loss.backward()
            return loss

        optimiser.step(closure)
        self._weight_ZC, self._bias_C = weight_ZC.detach(), bias_C.detach()

    def predict(self, codes_NZ: np.ndarray) -> np.ndarray:
        """The likeliest label (N,) of each code."""
        scores_NC = self._standardised(codes_NZ) @ self._weight_ZC + self._bias_C
        return self._classes[scores_NC.argmax(dim=1).numpy()]

    def _standardised(self, codes_NZ: np.ndarray) -> torch.Tensor:
        return torch.from_numpy((codes_NZ - self._mean) / self._scale)
