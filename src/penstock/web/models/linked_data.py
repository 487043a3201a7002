"""A model's page as machines read it: JSON-LD of schema.org, for search engines and link previews."""

from typing import Any

import msgspec
from markupsafe import Markup

from penstock.core.money import plain
from penstock.web.models.index import Entry


def linked_data(entry: Entry, address: str, picture: str) -> Markup:
    """The content of a `script` element; it cannot end that element."""
    model = entry.model
    it: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "SoftwareApplication",
        "name": model.name,
        "url": address,
        "image": picture,
        "applicationCategory": "MultimediaApplication"
        if "image" in model.output_modalities
        else "DeveloperApplication",
        "operatingSystem": "Any",
        "creator": {"@type": "Organization", "name": model.maker},
    }
    it |= {"description": model.description} if model.description else {}
    it |= {"datePublished": model.created.isoformat()} if model.created else {}
    it |= {"offers": offers} if (offers := _offers(entry)) else {}
    text = msgspec.json.encode(it).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  escaped above


def _offers(entry: Entry) -> dict[str, Any]:
    """Only what has a price for one picture, or for a usual request of text; nothing where none has."""
    pictures = [sold.picture.usd for sold in entry.counted if sold.picture]
    amounts = pictures or [sold.text for sold in entry.counted if sold.text is not None]
    if not amounts:
        return {}
    unit = "one picture of 1024x1024" if pictures else "1,000 tokens in and 500 out"
    return {
        "@type": "AggregateOffer",
        "priceCurrency": "USD",
        "lowPrice": plain(min(amounts)),
        "highPrice": plain(max(amounts)),
        "offerCount": len(amounts),
        "description": f"For {unit}",
    }
