"""ONNX: one file that any runtime takes, on any machine, without torch."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch

from potstill.policies.export_format import FACTS_KEY
from potstill.policies.export_module import ExportModule


class OnnxFormat:
    """``ExportFormat``: weights inside the file, facts in its metadata."""

    suffix = ".onnx"

    def encode(self, module: ExportModule, facts: Mapping[str, Any]) -> bytes:  # noqa: D102 - see ExportFormat
        # Two rows: the exporter takes an axis of length 1 for one that never varies.
        examples = module.examples(np.random.default_rng(0), 2)
        batch = torch.export.Dim("batch")
        with _exporter_quiet():
            program = torch.onnx.export(
                module,
                kwargs={name: torch.from_numpy(array) for name, array in examples.items()},
                input_names=list(examples),
                output_names=list(module.outputs),
                dynamic_shapes={name: {0: batch} for name in examples},
                dynamo=True,
                verbose=False,
            )
        assert program is not None  # only the exporter of old returns nothing
        model = program.model_proto
        onnx.helper.set_model_props(model, {FACTS_KEY: json.dumps(facts, sort_keys=True)})
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()

    def load(self, path: Path) -> OnnxSession:  # noqa: D102 - see ExportFormat
        return OnnxSession(path)


class OnnxSession:
    """``LoadedExport`` on one thread of the CPU."""

    facts: Mapping[str, Any]

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self.facts = json.loads(self._session.get_modelmeta().custom_metadata_map[FACTS_KEY])
        self._outputs = [output.name for output in self._session.get_outputs()]

    def act(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:  # noqa: D102 - see LoadedExport
        return dict(zip(self._outputs, self._session.run(None, dict(inputs)), strict=True))


@contextmanager
def _exporter_quiet() -> Iterator[None]:
    """Without what torch's exporter says about itself: its own deprecations, and that there is no torchvision."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r".*LeafSpec.* is deprecated", category=FutureWarning)
            warnings.filterwarnings("ignore", message=r"# The axis name: batch", category=UserWarning)
            yield
    finally:
        logger.setLevel(level)
