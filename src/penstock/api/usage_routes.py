"""The endpoints about usage, the ledger and OpenRouter's account: method, path, scope, summary and handler."""

from collections.abc import Awaitable, Callable

from penstock.api import export, metrics, openrouter_account, openrouter_keys, usage
from penstock.core.principal import Scope
from penstock.pipeline.request import Reply

USAGE_ROUTES: tuple[tuple[str, str, Scope, str, Callable[..., Awaitable[Reply]]], ...] = (
    ("GET", "/api/v1/key", Scope.READ, "The key that asks", openrouter_keys.own_key),
    ("GET", "/api/v1/auth/key", Scope.READ, "The key that asks", openrouter_keys.own_key),
    ("GET", "/api/v1/keys", Scope.ADMIN, "Keys", openrouter_keys.list_keys),
    ("POST", "/api/v1/keys", Scope.ADMIN, "Make a key", openrouter_keys.create_key),
    ("GET", "/api/v1/keys/{hash}", Scope.ADMIN, "One key", openrouter_keys.show_key),
    ("PATCH", "/api/v1/keys/{hash}", Scope.ADMIN, "Change one", openrouter_keys.change_key),
    ("DELETE", "/api/v1/keys/{hash}", Scope.ADMIN, "Revoke one", openrouter_keys.revoke_key),
    ("GET", "/api/v1/credits", Scope.ADMIN, "Credit of everybody together", openrouter_account.credits),
    ("GET", "/api/v1/activity", Scope.ADMIN, "Use by day, of thirty days", openrouter_account.activity),
    ("GET", "/api/v1/generation", Scope.READ, "One request", openrouter_account.generation),
    ("GET", "/admin/api/usage", Scope.ADMIN, "Who used how much", usage.show_usage),
    ("GET", "/admin/api/requests", Scope.ADMIN, "The ledger's requests", usage.list_requests),
    ("GET", "/admin/api/requests/{request}", Scope.ADMIN, "One with everything about it", usage.show_request),
    ("GET", "/admin/api/reconcile", Scope.ADMIN, "Costs stated beside costs computed", usage.show_reconciliation),
    ("GET", "/admin/api/export", Scope.ADMIN, "The ledger's requests as a file", export.export),
    ("GET", "/metrics", Scope.ADMIN, "Counters for Prometheus", metrics.metrics),
)
