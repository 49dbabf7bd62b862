"""What a round looked like: a strip of frames and one short video, ready to be put inside a page."""

from __future__ import annotations

import io
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image

from potstill.experience.episode_store import EpisodeStore
from potstill.experience.errors import ExperienceError

#: Frames in a strip.
STRIP_FRAMES = 8
#: Pixels a camera's picture is enlarged to at least, so that small students' eyes can be seen by people.
SHOWN_PIXELS = 160
FRAMES_PER_SECOND = 20
#: All rounds' pictures together, so that the page stays below 10 MB after base64.
MEDIA_BYTES = 6_500_000


@dataclass(frozen=True, kw_only=True)
class RoundMedia:
    """Pictures of one episode of a round."""

    round: int
    index: int
    """Which episode; always the round's first, not the prettiest."""
    actor: str
    success: bool
    steps: int
    strip_png: bytes
    """``STRIP_FRAMES`` moments from left to right, one row per camera."""
    video_mp4: bytes
    """The whole episode, cameras side by side; empty where the page would have become too large."""


def collect_round_media(episodes: Path) -> list[RoundMedia]:
    """Pictures of the first episode of every round in the store; unreadable ones are left out."""
    store = EpisodeStore(episodes)
    found: list[RoundMedia] = []
    left = MEDIA_BYTES
    for round in store.rounds() if episodes.is_dir() else []:
        try:
            entry = next(iter(store.entries(round)), None)
            if entry is None:
                continue
            frames = store.load(entry).frames
        except ExperienceError as error:
            print(f"potstill: report.html has no pictures of round {round}: {error}", file=sys.stderr)
            continue
        strip, video = draw_strip(frames), encode_video(frames)
        if len(strip) + len(video) > left:
            video = b""
        left -= len(strip) + len(video)
        found.append(
            RoundMedia(
                round=round,
                index=entry.index,
                actor=entry.actor,
                success=entry.success,
                steps=entry.steps,
                strip_png=strip,
                video_mp4=video,
            )
        )
    return found


def draw_strip(frames: np.ndarray) -> bytes:
    """PNG of moments spread evenly over an episode's frames, (T, C, H, W, 3) uint8."""
    moments = np.linspace(0, len(frames) - 1, STRIP_FRAMES).round().astype(int)
    chosen_NCHWR = frames[moments]
    count, cameras, height, width, _ = chosen_NCHWR.shape
    picture = chosen_NCHWR.transpose(1, 2, 0, 3, 4).reshape(cameras * height, count * width, 3)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def encode_video(frames: np.ndarray) -> bytes:
    """H.264 in MP4 of an episode's frames, (T, C, H, W, 3) uint8, cameras side by side."""
    steps, cameras, height, width, _ = frames.shape
    scale = -(-SHOWN_PIXELS // height)
    # Sides are even whatever the picture's: H.264's colour planes have half the resolution.
    scale += scale * height % 2 or scale * width * cameras % 2
    size = (cameras * width * scale, height * scale)
    with tempfile.TemporaryDirectory(prefix="potstill-video-") as folder:
        path = Path(folder) / "episode.mp4"
        writer = imageio_ffmpeg.write_frames(
            path,
            size,
            fps=FRAMES_PER_SECOND,
            codec="libx264",
            quality=None,
            macro_block_size=2,
            output_params=["-crf", "26", "-preset", "veryfast", "-threads", "1", "-movflags", "+faststart"],
        )
        writer.send(None)
        for step in range(steps):
            row = np.concatenate(list(frames[step]), axis=1)
            writer.send(np.ascontiguousarray(row.repeat(scale, axis=0).repeat(scale, axis=1)))
        writer.close()
        return path.read_bytes()
