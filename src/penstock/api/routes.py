"""The table of endpoints: method, path, the scope it needs, and who answers.

A surface takes the whole way of a request (`pipeline.life`); a handler reads something and replies. Nothing is served
that is not in this table or in that of the pages (`web.routes`).
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property

from penstock.api import assets, explain, health, models, openapi, quotes, workloads
from penstock.api.admin_routes import ADMIN_ROUTES
from penstock.api.openai import ChatCompletions, Embeddings, ImageEdits, ImageGenerations
from penstock.api.openrouter import OpenRouterChat, OpenRouterEmbeddings, OpenRouterImages
from penstock.api.openrouter_models import endpoints, image_endpoints, image_models, router_model, router_models
from penstock.api.usage_routes import USAGE_ROUTES
from penstock.core.errors import MethodNotAllowed, NotFound
from penstock.core.principal import Scope
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Reply, Surface

Handler = Callable[..., Awaitable[Reply]]


@dataclass(frozen=True)
class Route:
    """One endpoint. Exactly one of `surface` and `handler` is set."""

    method: str
    path: str
    """A template: `{name}` is one segment, `{name...}` is the rest of the path up to what follows."""
    scope: Scope
    summary: str
    surface: Callable[[Gateway], Surface] | None = None
    handler: Handler | None = None

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        escaped = re.escape(self.path).replace(r"\{", "{").replace(r"\}", "}").replace(r"\.\.\.", "...")
        escaped = re.sub(r"{(\w+)\.\.\.}", r"(?P<\1>.+)", escaped)
        return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", escaped))

    @property
    def dialect(self) -> str:
        """The dialect errors of this endpoint are written in."""
        return "openrouter" if self.path.startswith("/api/v1/") else "openai"


ROUTES: tuple[Route, ...] = (
    Route("POST", "/v1/chat/completions", Scope.INFERENCE, "Chat, in text and pictures", surface=ChatCompletions),
    Route("POST", "/v1/images/generations", Scope.INFERENCE, "Make pictures", surface=ImageGenerations),
    Route("POST", "/v1/images/edits", Scope.INFERENCE, "Make pictures from pictures", surface=ImageEdits),
    Route("POST", "/v1/embeddings", Scope.INFERENCE, "Embed text", surface=Embeddings),
    Route("POST", "/api/v1/chat/completions", Scope.INFERENCE, "Chat, in text and pictures", surface=OpenRouterChat),
    Route("POST", "/api/v1/images", Scope.INFERENCE, "Make pictures", surface=OpenRouterImages),
    Route("POST", "/api/v1/embeddings", Scope.INFERENCE, "Embed text", surface=OpenRouterEmbeddings),
    Route("POST", "/v1/quote", Scope.INFERENCE, "What a request would cost", handler=quotes.quote),
    Route("GET", "/v1/explain", Scope.INFERENCE, "Who would be asked, and why", handler=explain.explain),
    Route("POST", "/v1/explain", Scope.INFERENCE, "Who would be asked, and why", handler=explain.explain),
    Route("POST", "/v1/quote/workload", Scope.READ, "What many requests would cost", handler=workloads.workload),
    Route("GET", "/v1/assets/{digest}", Scope.PUBLIC, "A picture, by signed address or key", handler=assets.asset),
    Route("DELETE", "/v1/assets/{digest}", Scope.INFERENCE, "Delete a picture", handler=assets.delete),
    Route("GET", "/v1/models", Scope.READ, "The models", handler=models.models),
    Route("GET", "/v1/models/{model...}", Scope.READ, "One model", handler=models.model),
    Route("GET", "/api/v1/models", Scope.READ, "The models", handler=router_models),
    Route("GET", "/api/v1/model/{author}/{slug}", Scope.READ, "One model", handler=router_model),
    Route("GET", "/api/v1/models/{author}/{slug}/endpoints", Scope.READ, "Who serves a model", handler=endpoints),
    Route("GET", "/api/v1/images/models", Scope.READ, "The models that make pictures", handler=image_models),
    Route(
        "GET",
        "/api/v1/images/models/{author}/{slug}/endpoints",
        Scope.READ,
        "Who serves an image model",
        handler=image_endpoints,
    ),
    Route("GET", "/healthz", Scope.PUBLIC, "The process answers", handler=health.alive),
    Route("GET", "/health", Scope.PUBLIC, "The process answers", handler=health.alive),
    Route("GET", "/v1/health", Scope.PUBLIC, "The process answers", handler=health.alive),
    Route("GET", "/v1/healthz", Scope.PUBLIC, "The process answers", handler=health.alive),
    Route("GET", "/readyz", Scope.PUBLIC, "Ready to serve", handler=health.ready),
    Route("GET", "/openapi.json", Scope.PUBLIC, "This description, for programs", handler=openapi.openapi),
    *(Route(method, path, Scope.ADMIN, summary, handler=handler) for method, path, summary, handler in ADMIN_ROUTES),
    *(Route(method, path, scope, summary, handler=handler) for method, path, scope, summary, handler in USAGE_ROUTES),
)


class Router:
    """Finds the endpoint of a request: by table, else by pattern."""

    def __init__(self, gateway: Gateway, routes: tuple[Route, ...] = ROUTES) -> None:
        self._exact = {(route.method, route.path): route for route in routes if "{" not in route.path}
        self._patterns = [route for route in routes if "{" in route.path]
        self._methods = {path: {m for m, p in self._exact if p == path} for _, path in self._exact}
        self.surfaces = {route.path: route.surface(gateway) for route in routes if route.surface}

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The endpoint and its path parameters. Raises NotFound and MethodNotAllowed."""
        method = "GET" if method == "HEAD" else method
        if route := self._exact.get((method, path)):
            return route, {}
        methods = set(self._methods.get(path, ()))
        for route in self._patterns if not methods else ():
            if match := route.pattern.fullmatch(path):
                if route.method == method:
                    return route, match.groupdict()
                methods.add(route.method)
        if methods:
            allowed = ", ".join(sorted(methods))
            raise MethodNotAllowed(f"{path[:200]} takes {allowed}, not {method}.", headers={"allow": allowed})
        raise NotFound(f"There is nothing at {path[:200]}.")


def canonical(path: str) -> str:
    """`/v1/v1/...` is `/v1/...`: a published client doubles the prefix."""
    return path[3:] if path.startswith("/v1/v1/") else path
