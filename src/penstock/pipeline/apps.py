"""Which application a request came from, as its headers name it: in OpenRouter's way, or in every browser's.

It is for the ledger only. What cannot be read is left out; no request fails because of it.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from penstock.pipeline.request import Incoming

_NAME_CHARACTERS = 100
_LOOKED_AT = 2000
"""Characters of a header; what comes after them is not read."""
_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]{0,178}[a-z0-9_])?|[0-9a-f:.]*:[0-9a-f:.]*")
"""A name or an address, of version 6 too; other alphabets come as punycode."""
_USUAL_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class App:
    """An application, as far as it says who it is."""

    name: str | None = None
    """Its own title, else the host of its page; up to 100 characters."""
    url: str | None = None
    """The address of its page, without path and query."""


NOBODY = App()


def app_of(incoming: Incoming) -> App:
    """Who sent the request. The gateway's own pages, of which browsers tell too, are no application."""
    site = _site(incoming.headers.get("http-referer")) or _site(incoming.headers.get("referer"))
    title = _title(incoming.headers.get("x-openrouter-title")) or _title(incoming.headers.get("x-title"))
    if title:
        return App(title, site.url if site else None)
    if site is None or site.is_at(_site(f"{incoming.scheme}://{incoming.headers.get('host', '')}")):
        return NOBODY
    return App(site.host[:_NAME_CHARACTERS], site.url)


def headers_of(app: App) -> dict[str, str]:
    """Headers that say the same, decoded as those of a request are."""
    said = {"x-title": app.name, "http-referer": app.url}
    return {name: text.encode().decode("latin-1") for name, text in said.items() if text}


@dataclass(frozen=True, slots=True)
class _Site:
    scheme: str
    host: str
    port: int | None
    """None where it is the usual one."""

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port is not None else "")

    def is_at(self, other: "_Site | None") -> bool:
        """Whether host and port are the same; a proxy in front may have another scheme."""
        return other is not None and (self.host, self.port) == (other.host, other.port)


def _site(address: str | None) -> _Site | None:
    if not address:
        return None
    try:
        parts = urlsplit(address[:_LOOKED_AT].strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in _USUAL_PORTS or not _HOST.fullmatch(host):
        return None
    return _Site(parts.scheme, host, None if port in _USUAL_PORTS.values() else port)


def _title(text: str | None) -> str | None:
    """Its printable characters: neither control characters nor those that turn the direction of what follows."""
    if not text:
        return None
    with suppress(UnicodeError):
        text = text.encode("latin-1").decode()  # header bytes are decoded as Latin-1, whatever they are
    printable = filter(str.isprintable, text[:_LOOKED_AT].strip())
    return "".join(islice(printable, _NAME_CHARACTERS)).strip() or None
