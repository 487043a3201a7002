"""What the documentation says of the endpoints about usage, the ledger and OpenRouter's account beside their routes."""

from collections.abc import Mapping

from penstock.api import export, ledger_documents, openrouter_account, openrouter_keys, usage
from penstock.api.documented import Docs

_OWN_KEY = Docs(
    tag="Account",
    response=openrouter_keys.RouterOwnKeyAnswer,
    description="`limit` is the key's own hard budget; `budgets` has those of everybody above it too.",
)

USAGE_DOCS: Mapping[str, Docs] = {
    "GET /api/v1/key": _OWN_KEY,
    "GET /api/v1/auth/key": _OWN_KEY,
    "GET /api/v1/keys": Docs(
        tag="Account", query=openrouter_keys.RouterKeyQuery, response=openrouter_keys.RouterKeyList
    ),
    "POST /api/v1/keys": Docs(
        tag="Account",
        request=openrouter_keys.RouterNewKey,
        response=openrouter_keys.RouterMadeKey,
        description="Answered with 201. `limit` makes a hard budget.",
        example={"name": "website", "limit": 25, "limit_reset": "monthly"},
    ),
    "GET /api/v1/keys/{hash}": Docs(tag="Account", response=openrouter_keys.RouterKeyAnswer),
    "PATCH /api/v1/keys/{hash}": Docs(
        tag="Account",
        request=openrouter_keys.RouterKeyChange,
        response=openrouter_keys.RouterKeyAnswer,
        description="Another `limit` keeps what was spent in the period; another `limit_reset` begins anew.",
        example={"limit": 50},
    ),
    "DELETE /api/v1/keys/{hash}": Docs(
        tag="Account",
        response=openrouter_keys.RouterKeyGone,
        description="The key stays in the ledger, and in the list where `include_disabled` asks for it.",
    ),
    "GET /api/v1/credits": Docs(tag="Account", response=openrouter_account.RouterCreditsAnswer),
    "GET /api/v1/activity": Docs(
        tag="Account", query=openrouter_account.ActivityQuery, response=openrouter_account.RouterActivityList
    ),
    "GET /api/v1/generation": Docs(
        tag="Account",
        query=openrouter_account.GenerationQuery,
        response=openrouter_account.RouterGenerationAnswer,
        description="A key sees the requests that were made with it, an administrator's key all.",
    ),
    "GET /admin/api/usage": Docs(
        tag="Administration",
        query=usage.UsageQuery,
        response=usage.UsageAnswer,
        description="Made of sums by the hour, so the range is widened to whole hours of UTC.",
    ),
    "GET /admin/api/requests": Docs(
        tag="Administration", query=usage.RequestQuery, response=ledger_documents.LedgerPage
    ),
    "GET /admin/api/requests/{request}": Docs(tag="Administration", response=ledger_documents.LedgerDetail),
    "GET /admin/api/reconcile": Docs(
        tag="Administration",
        query=usage.ReconcileQuery,
        response=usage.ReconcileAnswer,
        description="Reads every request of the range: a second or so for a million.",
    ),
    "GET /admin/api/export": Docs(
        tag="Administration",
        query=export.ExportQuery,
        media_type="text/csv",
        description="With `format=parquet` an `application/vnd.apache.parquet`.",
    ),
    "GET /metrics": Docs(
        tag="Health", media_type="text/plain", description="For Prometheus; needs a key with the scope `admin`."
    ),
}
