"""How a provider that says it speaks OpenAI's dialect deviates from it.

Quirks are written in `catalogue/data/providers.toml`, checked once at start and read on every call.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Literal

import msgspec

from penstock.core.target import Account


class Quirks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every deviation the adapter knows, with OpenAI's own behaviour as the default."""

    auth_header: str = "authorization"
    """The header the key is sent in: `api-key` for Azure."""
    auth_prefix: str = "Bearer"
    """The word before the key; empty: the key alone."""
    headers: dict[str, str] = {}
    """Further headers of every request."""
    stream_usage: bool = True
    """Streams take `stream_options.include_usage`, and it is always asked for: without it nothing can be metered."""
    pass_fields: tuple[str, ...] = ()
    """Of the gateway's own request fields (`openai_chat.GATEWAY_FIELDS`), those this provider takes as well."""
    cost_field: str = ""
    """Where an answer states what it cost, from its top: `usage.cost`. Worth `Provider.cost_unit_usd` each."""
    fields: tuple[Literal["seed", "aspect_ratio", "resolution"], ...] = ()
    """Image request fields taken beyond OpenAI's own."""
    response_format: Literal["", "b64_json", "url"] = ""
    """Sent with image requests where given; GPT image models reject the field."""
    images_path: str = "/images/generations"
    """Where pictures are asked for, below the base address."""
    edits: Literal["multipart", "json", "references", "none"] = "multipart"
    """How edits are sent: as a form or as JSON to /images/edits, as `input_references` of a generation, or not."""
    mask_field: str = "mask"
    """What the mask of an edit sent as a form is called: `mask_image` at vLLM-Omni."""
    image_via: Literal["images", "chat"] = "images"
    """`chat`: pictures are asked for by chat completions with `modalities`."""
    probe_path: str = "/models"
    """What is asked for, below the base address, to see whether the provider takes the key."""


def quirks_of(account: Account) -> Quirks:
    """The quirks of an account's provider."""
    return msgspec.convert(account.provider.quirks, Quirks)


def check(quirks: Mapping[str, Any]) -> None:
    """Raises ValueError, in a sentence, for a name that is no quirk or a value that is none of its."""
    for name in quirks:
        if name not in Quirks.__struct_fields__:
            nearest = get_close_matches(name, Quirks.__struct_fields__, n=1, cutoff=0)
            raise ValueError(f"The openai_compatible adapter has no quirk {name!r}; the nearest is {nearest[0]!r}.")
    try:
        msgspec.convert(quirks, Quirks)
    except msgspec.ValidationError as error:
        raise ValueError(f"A quirk of the openai_compatible adapter has a wrong value: {error}") from error
