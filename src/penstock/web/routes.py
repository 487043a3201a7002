"""The table of pages: method, path, the scope each one needs, and who answers.

`public` pages can be opened to the world by the setting `pages.public`; those of the scope `public` always are, for
nobody can sign in without them.
"""

from penstock.api.routes import Route
from penstock.core.principal import Scope
from penstock.web.door import Door, PageHandler
from penstock.web.pages import appearance, calculator, documentation, home, sign_in
from penstock.web.static import static


def _page(method: str, path: str, scope: Scope, summary: str, handler: PageHandler, *, public: bool = False) -> Route:
    return Route(method, path, scope, summary, handler=Door(handler, scope, public))


PAGES: tuple[Route, ...] = (
    _page("GET", "/", Scope.READ, "Where to begin", home.home),
    _page("GET", "/calculator", Scope.READ, "What a workload costs", calculator.calculator, public=True),
    _page("GET", "/sign-in", Scope.PUBLIC, "Sign in", sign_in.sign_in_page),
    _page("POST", "/sign-in", Scope.PUBLIC, "Sign in", sign_in.sign_in),
    _page("POST", "/sign-out", Scope.PUBLIC, "Sign out", sign_in.sign_out),
    _page("POST", "/appearance", Scope.PUBLIC, "Light or dark", appearance.choose),
    Route("GET", "/docs", Scope.PUBLIC, "The endpoints, as a page", handler=documentation.documentation),
    Route("GET", "/static/{path...}", Scope.PUBLIC, "Style and script of the pages", handler=static),
)
