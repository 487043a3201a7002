"""`POST /appearance`: light, dark, or as the visitor's system says; kept in a cookie and nowhere else."""

from penstock.pipeline.request import Reply
from penstock.web.door import own_path
from penstock.web.visit import THEME_COOKIE, THEMES, Form, Visit

_YEAR_SECONDS = 31_536_000


async def choose(visit: Visit, form: Form) -> Reply:
    """Back to the page it was chosen on."""
    theme = form.text("theme") if form.text("theme") in THEMES else "auto"
    cookie = f"{THEME_COOKIE}={theme}; Path=/; Max-Age={_YEAR_SECONDS}; SameSite=Lax; HttpOnly"
    return visit.redirect(own_path(form.text("next")), **{"set-cookie": cookie})
