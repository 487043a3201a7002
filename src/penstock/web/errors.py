"""Errors as pages, for whoever is looking with a browser; programs get their dialect's JSON."""

from contextlib import suppress

from penstock.api.errors import failure_at
from penstock.core.errors import PenstockError
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply
from penstock.web.door import visitor
from penstock.web.visit import Visit

_PROGRAMS = ("/v1/", "/api/", "/admin/api/", "/openapi.json", "/metrics", "/healthz", "/readyz", "/static/")

_TITLES = {
    400: "That did not work",
    401: "You are signed out",
    403: "This is not open to your key",
    404: "There is nothing here",
    409: "That did not work",
    413: "That is too large",
    429: "That is too much for now",
    503: "This does not work right now",
}


async def failed(gateway: Gateway, incoming: Incoming, error: PenstockError) -> Reply:
    """An error in the way of who asked."""
    programs = incoming.path.startswith(_PROGRAMS) or "text/html" not in incoming.headers.get("accept", "")
    if programs and incoming.headers.get("hx-request") != "true":
        return failure_at(incoming.path)(error)
    if incoming.principal is None:  # it broke before that was asked, or nobody asks it at this address
        with suppress(PenstockError):  # the database may be what broke
            incoming.principal = await visitor(gateway, incoming)
    return error_page(Visit(gateway, incoming, incoming.principal), error)


def error_page(visit: Visit, error: PenstockError, **values: object) -> Reply:
    """The error's sentence, with a way on."""
    title = _TITLES.get(error.status, "Something broke")
    reply = visit.page("error.html", title=title, status=error.status, error=error, **{"near": (), **values})
    return Reply(
        status=reply.status,
        media_type=reply.media_type,
        headers={**error.headers, **reply.headers},
        pieces=reply.pieces,
    )
