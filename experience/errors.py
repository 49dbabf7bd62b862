"""Every error of the experience room, under one root."""

from __future__ import annotations


class ExperienceError(Exception):
    """Root of the room's errors; the message names the file."""


class EpisodeFileError(ExperienceError):
    """A file that is not a readable episode of this version: corrupt, truncated or foreign."""


class ArrayFileError(ExperienceError):
    """A checkpoint file that is missing, corrupt, truncated or foreign."""


class ManifestError(ExperienceError):
    """A round that may not be trained on: entries missing, manifest absent or corrupt, files altered."""


class StoreFullError(ExperienceError):
    """No space, quota or file-size limit left; nothing of the write counts and its files are removed."""


class PromptFileError(ExperienceError):
    """A prompt collection that is missing or malformed; names the line and the key."""
