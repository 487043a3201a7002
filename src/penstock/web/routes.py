"""The table of pages: method, path, the scope each one needs, and who answers.

`public` pages can be opened to the world by the setting `pages.public`; those of the scope `public` always are, for
nobody can sign in without them.
"""

from penstock.api.routes import Route
from penstock.core.principal import Scope
from penstock.web.door import Door, PageHandler
from penstock.web.pages import (
    appearance,
    calculator,
    compare,
    dashboard,
    documentation,
    gallery,
    home,
    log,
    logs,
    model,
    models,
    picture,
    playground,
    sign_in,
)
from penstock.web.pages.settings import SETTINGS_PAGES
from penstock.web.static import static


def _page(method: str, path: str, scope: Scope, summary: str, handler: PageHandler, *, public: bool = False) -> Route:
    return Route(method, path, scope, summary, handler=Door(handler, scope, public))


PAGES: tuple[Route, ...] = (
    _page("GET", "/", Scope.READ, "Where to begin", home.home),
    _page("GET", "/calculator", Scope.READ, "What a workload costs", calculator.calculator, public=True),
    _page("GET", "/compare", Scope.READ, "Models side by side", compare.compare, public=True),
    _page("GET", "/models", Scope.READ, "Find a model", models.models, public=True),
    _page("GET", "/models/{maker}/{model}/card.png", Scope.READ, "A link's picture", model.card_picture, public=True),
    _page("POST", "/models/{maker}/{model}/benchmarks", Scope.READ, "Contribute a result", model.contribute_benchmark),
    _page("GET", "/models/{maker}/{model}", Scope.READ, "Everything about a model", model.model, public=True),
    _page("GET", "/models/{name...}", Scope.READ, "A model by another name", models.by_name, public=True),
    _page("GET", "/playground", Scope.INFERENCE, "Pictures and conversations", playground.playground),
    _page("GET", "/gallery", Scope.READ, "The pictures made here", gallery.gallery),
    _page("GET", "/gallery/{digest}", Scope.READ, "One picture", picture.picture_page),
    _page("GET", "/gallery/{digest}/delete", Scope.INFERENCE, "Delete a picture", picture.ask_deletion),
    _page("POST", "/gallery/{digest}/delete", Scope.INFERENCE, "Delete a picture", picture.delete),
    _page("GET", "/dashboard", Scope.ADMIN, "Spending, budgets, providers", dashboard.dashboard),
    _page("GET", "/dashboard/now", Scope.ADMIN, "How things stand at this moment", dashboard.standing_now),
    _page("GET", "/logs", Scope.ADMIN, "Every request", logs.logs),
    _page("GET", "/logs/{request}", Scope.ADMIN, "Everything about one request", log.log),
    *(_page(method, path, Scope.ADMIN, summary, handler) for method, path, summary, handler in SETTINGS_PAGES),
    _page("GET", "/sign-in", Scope.PUBLIC, "Sign in", sign_in.sign_in_page),
    _page("POST", "/sign-in", Scope.PUBLIC, "Sign in", sign_in.sign_in),
    _page("POST", "/sign-out", Scope.PUBLIC, "Sign out", sign_in.sign_out),
    _page("POST", "/appearance", Scope.PUBLIC, "Light or dark", appearance.choose),
    Route("GET", "/docs", Scope.PUBLIC, "The endpoints, as a page", handler=documentation.documentation),
    Route("GET", "/static/{path...}", Scope.PUBLIC, "Style and script of the pages", handler=static),
)
