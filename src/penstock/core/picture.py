"""A picture as everything but the asset store knows it: a digest and what its header says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """A stored picture. Its bytes are in the asset store under its digest, and nowhere else."""

    digest: str
    """SHA-256 of the bytes, lower-case hexadecimal."""
    media_type: str
    """`image/png`, `image/jpeg`, `image/webp` or `image/gif`, from the bytes and not from a header or name."""
    width: int
    """Pixels, after any EXIF orientation is ignored: as stored."""
    height: int
    bytes: int
    """Length of the encoded picture."""

    @property
    def pixels(self) -> int:
        return self.width * self.height

    @property
    def extension(self) -> str:
        """`png`, `jpeg`, `webp` or `gif`."""
        return self.media_type.removeprefix("image/")
