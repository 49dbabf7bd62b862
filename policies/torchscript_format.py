"""TorchScript: for C++ programs that have libtorch, and no Python."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from potstill.policies.export_format import FACTS_KEY
from potstill.policies.export_module import ExportModule
from potstill.policies.one_thread import one_thread


class TorchscriptFormat:
    """``ExportFormat``: a traced network; inputs by keyword, outputs as a tuple in the order that the facts say."""

    suffix = ".pt"

    def encode(self, module: ExportModule, facts: Mapping[str, Any]) -> bytes:  # noqa: D102 - see ExportFormat
        examples = module.examples(np.random.default_rng(0), 2)
        tensors = {name: torch.from_numpy(array) for name, array in examples.items()}
        with warnings.catch_warnings(), torch.no_grad():
            # Checks of shapes are left out of a trace, with a warning for each; all results are compared later.
            warnings.simplefilter("ignore", torch.jit.TracerWarning)
            warnings.filterwarnings("ignore", message=r".*torch\.jit", category=DeprecationWarning)
            traced = torch.jit.trace(module, example_kwarg_inputs=tensors, check_trace=False)
            file = io.BytesIO()
            torch.jit.save(traced, file, _extra_files={FACTS_KEY: json.dumps(facts, sort_keys=True)})
        return file.getvalue()

    def load(self, path: Path) -> TorchscriptProgram:  # noqa: D102 - see ExportFormat
        return TorchscriptProgram(path)


class TorchscriptProgram:
    """``LoadedExport`` on one thread of the CPU."""

    facts: Mapping[str, Any]

    def __init__(self, path: Path) -> None:
        texts = {FACTS_KEY: ""}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r".*torch\.jit", category=DeprecationWarning)
            self._program = torch.jit.load(str(path), map_location="cpu", _extra_files=texts)
        self.facts = json.loads(texts[FACTS_KEY])

    def act(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:  # noqa: D102 - see LoadedExport
        with one_thread(), torch.inference_mode():
            results = self._program(**{name: torch.from_numpy(array) for name, array in inputs.items()})
        return {name: result.numpy() for name, result in zip(self.facts["outputs"], results, strict=True)}
