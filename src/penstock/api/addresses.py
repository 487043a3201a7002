"""Addresses on this gateway, as its callers reach it."""

from penstock.assets.links import sign
from penstock.core.picture import Picture
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Life


def own_address(incoming: Incoming, gateway: Gateway) -> str:
    """The gateway's base address: the configured one, else the one this request came to."""
    server = gateway.settings.server
    host = incoming.headers.get("host", f"{server.host}:{server.port}")
    return (server.public_url or f"{incoming.scheme}://{host}").rstrip("/")


class Addresses:
    """Makes signed addresses of pictures on this gateway, for one request."""

    def __init__(self, life: Life, gateway: Gateway) -> None:
        self._base = own_address(life.incoming, gateway)
        self._expires = int(gateway.clock.now()) + gateway.settings.assets.link_seconds
        self._secret = gateway.link_secret

    def of(self, picture: Picture) -> str:
        """An address anybody may read this picture at until it expires."""
        return f"{self._base}/v1/assets/{picture.digest}?{sign(self._secret, picture.digest, self._expires)}"
