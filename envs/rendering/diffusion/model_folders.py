"""Where a diffusion model's files are, whether they fit together, and their hash; found without torch."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig

#: What the extra installs.
_PACKAGES = ("diffusers", "transformers", "accelerate")
_INSTALL = "pip install 'potstill[diffusion]'"
#: Parts with weights, and parts without.
_NETWORKS, _OTHERS = ("unet", "vae", "text_encoder"), ("tokenizer", "scheduler")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_HALF = "fp16"
_CHUNK = 1 << 22


class ModelUnavailableError(ValueError):
    """No model can be loaded: one line with the way out, beginning with the setting's name where there is one."""


@dataclass(frozen=True, kw_only=True)
class ModelFolders:
    """A model and its ControlNet on this machine's disk."""

    model: Path
    controlnet: Path
    half: bool
    """Files of half precision are preferred where there are both."""

    @classmethod
    def find(cls, config: DiffusionConfig) -> ModelFolders:
        """Folders as they are, names from the Hugging Face cache; nothing is downloaded.

        Raises:
            ModelUnavailableError: the extra is not installed; not there; incomplete; weights only as pickles; model
                and ControlNet of different families; a size that the model's layers cannot halve often enough.
        """
        missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
        if missing:
            raise ModelUnavailableError(
                f"painter diffusion needs {', '.join(missing)}; install with: {_INSTALL}"
            )
        found = cls(
            model=_folder(config.model, "model"),
            controlnet=_folder(config.controlnet, "controlnet"),
            half=config.dtype != "float32",
        )
        found._check_parts()
        found._check_fit(config)
        return found

    @property
    def is_xl(self) -> bool:
        """Whether the model belongs to the SDXL family, which has two text encoders."""
        return (self.model / "text_encoder_2").is_dir()

    def variant(self, folder: Path) -> str | None:
        """Which of a part's weights to load: ``fp16``, or None for those without a suffix."""
        weights = [path.name for path in folder.glob("*.safetensors")]
        halves = [name for name in weights if f".{_HALF}" in name]
        return _HALF if halves and (self.half or halves == weights) else None

    def sha256(self) -> str:
        """Hash of names and contents of all files that are loaded; seconds for gigabytes."""
        digest = hashlib.sha256()
        for name, path in self._files():
            digest.update(f"{name} {path.stat().st_size}\n".encode())
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
        return digest.hexdigest()

    def _parts(self, kinds: tuple[str, ...]) -> list[str]:
        return [part for kind in kinds for part in _twins(kind, xl=self.is_xl)]

    def _check_parts(self) -> None:
        for part in self._parts(_NETWORKS + _OTHERS):
            if not (self.model / part).is_dir():
                raise ModelUnavailableError(f"model must be a diffusers folder: {self.model} has no {part}/")
        networks = [("model", self.model / part) for part in self._parts(_NETWORKS)]
        for key, folder in [*networks, ("controlnet", self.controlnet)]:
            if not (folder / "config.json").is_file():
                raise ModelUnavailableError(f"{key} must be a diffusers folder: {folder} has no config.json")
            if not any(folder.glob("*.safetensors")):
                raise ModelUnavailableError(
                    f"{key} must have its weights as .safetensors: {folder} has none (pickles are never loaded)"
                )

    def _check_fit(self, config: DiffusionConfig) -> None:
        unet, vae, control = (
            _settings(folder) for folder in (self.model / "unet", self.model / "vae", self.controlnet)
        )
        for name in ("cross_attention_dim", "addition_embed_type"):
            if unet.get(name) != control.get(name):
                raise ModelUnavailableError(
                    f"controlnet must be made for the model's family: {name} is {control.get(name)!r} in "
                    f"{config.controlnet}, {unet.get(name)!r} in {config.model}"
                )
        halvings = len(unet["block_out_channels"]) + len(vae["block_out_channels"]) - 2
        if config.size % 2**halvings:
            raise ModelUnavailableError(
                f"size must be a multiple of {2**halvings} for this model: got {config.size}"
            )

    def _files(self) -> Iterator[tuple[str, Path]]:
        """Name and path of every file that is loaded, in a fixed order."""
        folders = [(part, self.model / part) for part in self._parts(_NETWORKS + _OTHERS)]
        for part, folder in [*folders, ("controlnet", self.controlnet)]:
            half = self.variant(folder) is not None
            for path in sorted(folder.iterdir()):
                weights = path.suffix == ".safetensors"
                if path.suffix in (".json", ".txt") or (weights and (f".{_HALF}" in path.name) == half):
                    yield f"{part}/{path.name}", path


def _twins(part: str, *, xl: bool) -> tuple[str, ...]:
    return (part, f"{part}_2") if xl and part in ("text_encoder", "tokenizer") else (part,)


def _folder(spec: str, key: str) -> Path:
    folder = Path(spec)
    if folder.is_dir():
        return folder.resolve()
    way_out = (
        f"set it to a folder, e.g. --set render.diffusion.{key}=FOLDER (docs/painters.md: how to get one)"
    )
    if not _HUB_NAME.fullmatch(spec):
        raise ModelUnavailableError(
            f"{key} must be a folder or a name like owner/name: got {spec!r}; {way_out}"
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(spec, local_files_only=True))
    except LocalEntryNotFoundError:
        raise ModelUnavailableError(
            f"{key} {spec!r} is neither a folder nor in the Hugging Face cache; {way_out}"
        ) from None


def _settings(folder: Path) -> dict[str, Any]:
    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return settings | {"block_out_channels": list(settings["block_out_channels"])}
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelUnavailableError(f"{folder / 'config.json'} is missing or damaged") from None
