"""`GET /`: the guided start of an installation that has made no picture yet; else the page looked at most."""

from functools import partial

from penstock.core.principal import Scope
from penstock.pipeline.request import Reply
from penstock.store.requests import has_pictures
from penstock.web.visit import Visit


async def home(visit: Visit) -> Reply:
    """To the dashboard or the playground, once there is something to see."""
    made = await visit.gateway.books.read(partial(has_pictures, key_id=visit.own_key))
    if made or not visit.may(Scope.INFERENCE):
        return visit.redirect("/dashboard" if visit.administers else "/models")
    return visit.page("home.html", title="Your first picture")
