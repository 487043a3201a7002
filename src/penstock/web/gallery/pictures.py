"""What pictures and their files are called on pages, and how wide they stand in a row."""

import re
from datetime import UTC, datetime
from math import log

from penstock.assets.store import THUMBNAIL_SIDES
from penstock.store.rows import AssetRow
from penstock.web.visit import Visit

_MOST_NAME = 160
"""Letters of a prompt that are read out for each picture of many."""

SHAPES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.35, 1.55, 1.8, 2.1, 2.5, 3.0)
"""Widths in heights, each with a class of its own in gallery.css."""


def name_of(prompt: str | None, model: str | None, created_at: int | None) -> str:
    """The prompt where it is kept, else who made the picture and when."""
    if words := " ".join((prompt or "").split()):
        return words if len(words) <= _MOST_NAME else f"{words[:_MOST_NAME].rstrip()}…"
    by = f" by {model}" if model else ""
    return f"Picture made{by} on {_day(created_at)}" if created_at is not None else f"Picture made{by}"


def model_name(visit: Visit, slug: str | None) -> str | None:
    """What a model is called; its slug where it is not in the catalogue."""
    model = visit.gateway.catalogue.models.get(slug or "")
    return model.name if model else slug


def shape(width: int, height: int) -> float:
    """The one of the shapes that comes nearest."""
    ratio = max(width, 1) / max(height, 1)
    return min(SHAPES, key=lambda one: abs(log(one / ratio)))


def shape_class(shape: float) -> str:
    """`shape-1`, `shape-1-35`."""
    return f"shape-{shape:g}".replace(".", "-")


def versions(asset: AssetRow) -> str:
    """The small versions of a picture with their widths, for the browser to choose from (`srcset`)."""
    longest = max(asset.width, asset.height)
    widths = {side: max(1, round(asset.width * min(1, side / longest))) for side in THUMBNAIL_SIDES}
    return ", ".join(f"/v1/assets/{asset.digest}?width={side} {width}w" for side, width in widths.items())


def file_name(asset: AssetRow, model: str | None, made_at: int | None) -> str:
    """What a picture is called as a file: `flux-2-pro-2026-11-27-1a2b3c4d.png`."""
    at = datetime.fromtimestamp((asset.created_at if made_at is None else made_at) / 1000, UTC)
    named = re.sub(r"[^a-z0-9.]+", "-", (model or "").rpartition("/")[2].lower()).strip("-.")[:60]
    extension = asset.media_type.removeprefix("image/")
    return f"{named or 'picture'}-{at:%Y-%m-%d}-{asset.digest[:8]}.{extension}"


def _day(unix_ms: int) -> str:
    at = datetime.fromtimestamp(unix_ms / 1000, UTC)
    return f"{at.day} {at:%b %Y}"
