"""`penstock routes test`: who would be asked for a request, through a gateway's own front door. Nobody is called."""

import asyncio
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from penstock.commands.own_gateway import address_of, own_gateway
from penstock.core.errors import BadRequest, PenstockError, Unavailable
from penstock.settings import Settings


def explanation(
    request: Path, headers: Mapping[str, str], url: str | None, key: str | None, settings: Callable[[], Settings]
) -> dict[str, Any]:
    """What `/v1/explain` says of the request in a file. Raises PenstockError with the gateway's own sentence."""
    try:
        body = json.loads(request.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise BadRequest(f"{request} is not UTF-8 text.") from error
    except ValueError as error:
        raise BadRequest(f"{request} is not JSON: {error}.") from error
    if url and not key:
        raise BadRequest("A running gateway needs a key: --key, or PENSTOCK_API_KEY.")
    return asyncio.run(_explained(body, headers, url, key, settings))


async def _explained(
    body: Any, headers: Mapping[str, str], url: str | None, key: str | None, settings: Callable[[], Settings]
) -> dict[str, Any]:
    if url and key:
        return await _ask(body, headers, url, key)
    async with own_gateway(settings(), "penstock routes test") as (own_url, own_key):
        return await _ask(body, headers, own_url, own_key)


async def _ask(body: Any, headers: Mapping[str, str], url: str, key: str) -> dict[str, Any]:
    address = address_of(url) + "/v1/explain"
    try:
        async with (
            aiohttp.ClientSession(headers={**headers, "authorization": f"Bearer {key}"}) as session,
            session.post(address, json=body) as response,
        ):
            answer = json.loads(await response.read(), parse_float=Decimal)
            if response.status != 200:
                raise PenstockError(answer["error"]["message"], code=str(answer["error"]["code"]))
            return dict(answer)
    except aiohttp.ClientError as error:
        raise Unavailable(f"The gateway at {url} does not answer: {error}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable(f"What answers at {url} is not a Penstock gateway.") from error
