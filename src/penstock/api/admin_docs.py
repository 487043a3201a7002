"""What the documentation says of each administration endpoint beside its route."""

from collections.abc import Mapping

from penstock.api import admin_documents as documents
from penstock.api.admin_providers import NewPause, ProviderList, ProviderQuery, ProviderState, ProviderTest
from penstock.api.admin_routing import RoutingInForce
from penstock.api.documented import Docs

TAG = "Administration"

_ARCHIVED = "Its keys, and those of everybody below it, are refused from now on. Archived again, it stays as it is."

ADMIN_DOCS: Mapping[str, Docs] = {
    "GET /admin/api/organisations": Docs(
        tag=TAG, query=documents.OrganisationQuery, response=documents.OrganisationList
    ),
    "POST /admin/api/organisations": Docs(
        tag=TAG,
        request=documents.NewOrganisation,
        response=documents.Organisation,
        example={"name": "Lighthouse Ltd"},
    ),
    "GET /admin/api/organisations/{organisation}": Docs(tag=TAG, response=documents.Organisation),
    "PATCH /admin/api/organisations/{organisation}": Docs(
        tag=TAG, request=documents.Rename, response=documents.Organisation, example={"name": "Lighthouse plc"}
    ),
    "DELETE /admin/api/organisations/{organisation}": Docs(
        tag=TAG, response=documents.Organisation, description=_ARCHIVED
    ),
    "GET /admin/api/teams": Docs(tag=TAG, query=documents.MemberQuery, response=documents.TeamList),
    "POST /admin/api/teams": Docs(
        tag=TAG,
        request=documents.NewMember,
        response=documents.Team,
        example={"organisation": "Lighthouse Ltd", "name": "design"},
    ),
    "GET /admin/api/teams/{team}": Docs(tag=TAG, response=documents.Team),
    "PATCH /admin/api/teams/{team}": Docs(
        tag=TAG, request=documents.Rename, response=documents.Team, example={"name": "studio"}
    ),
    "DELETE /admin/api/teams/{team}": Docs(tag=TAG, response=documents.Team, description=_ARCHIVED),
    "GET /admin/api/users": Docs(tag=TAG, query=documents.MemberQuery, response=documents.UserList),
    "POST /admin/api/users": Docs(
        tag=TAG,
        request=documents.NewMember,
        response=documents.User,
        example={"organisation": "Lighthouse Ltd", "name": "ada"},
    ),
    "GET /admin/api/users/{user}": Docs(tag=TAG, response=documents.User),
    "PATCH /admin/api/users/{user}": Docs(
        tag=TAG, request=documents.Rename, response=documents.User, example={"name": "ada.l"}
    ),
    "DELETE /admin/api/users/{user}": Docs(tag=TAG, response=documents.User, description=_ARCHIVED),
    "GET /admin/api/keys": Docs(tag=TAG, query=documents.KeyQuery, response=documents.KeyList),
    "POST /admin/api/keys": Docs(
        tag=TAG,
        request=documents.NewKey,
        response=documents.MadeKey,
        description="The answer has the secret in `key`, this once. With `budget`, both are made or neither.",
        example={"name": "website", "models": ["sandbox/*"], "budget": {"amount_usd": "1.00"}},
    ),
    "GET /admin/api/keys/{key}": Docs(tag=TAG, response=documents.Key),
    "PATCH /admin/api/keys/{key}": Docs(
        tag=TAG, request=documents.KeyChange, response=documents.Key, example={"expires_in_days": 90}
    ),
    "DELETE /admin/api/keys/{key}": Docs(
        tag=TAG,
        response=documents.Key,
        description="For good, and for the very next request. A revoked key stays as it is; the last key with the "
        "scope admin cannot be revoked.",
    ),
    "POST /admin/api/keys/{key}/rotate": Docs(
        tag=TAG,
        request=documents.Rotation,
        response=documents.MadeKey,
        description="It stays the same key, with its restrictions and budgets. The answer has the new secret in "
        "`key`, this once.",
        example={"overlap_seconds": 86400},
    ),
    "GET /admin/api/budgets": Docs(
        tag=TAG,
        query=documents.BudgetQuery,
        response=documents.BudgetList,
        description="Credits have a list of their own.",
    ),
    "POST /admin/api/budgets": Docs(
        tag=TAG,
        request=documents.NewBudget,
        response=documents.Budget,
        description="It counts from the beginning of the present period, what is spent from now on.",
        example={"level": "team", "holder": "design", "amount_usd": "50.00", "period": "month"},
    ),
    "GET /admin/api/budgets/{budget}": Docs(tag=TAG, response=documents.Budget),
    "PATCH /admin/api/budgets/{budget}": Docs(
        tag=TAG, request=documents.BudgetChange, response=documents.Budget, example={"amount_usd": "75.00"}
    ),
    "DELETE /admin/api/budgets/{budget}": Docs(
        tag=TAG,
        response=documents.Budget,
        description="It no longer applies; what was spent of it stays readable. Ended again, it stays as it is.",
    ),
    "GET /admin/api/limits": Docs(tag=TAG, query=documents.HolderQuery, response=documents.LimitList),
    "POST /admin/api/limits": Docs(
        tag=TAG,
        request=documents.NewLimit,
        response=documents.Limit,
        example={"level": "team", "holder": "design", "unit": "images", "amount": 100, "window_seconds": 3600},
    ),
    "DELETE /admin/api/limits/{limit}": Docs(tag=TAG, response=documents.Limit),
    "GET /admin/api/allowances": Docs(tag=TAG, query=documents.HolderQuery, response=documents.AllowanceList),
    "POST /admin/api/allowances": Docs(
        tag=TAG,
        request=documents.NewAllowance,
        response=documents.Allowance,
        example={"level": "user", "holder": "ada", "requests": 20},
    ),
    "DELETE /admin/api/allowances/{allowance}": Docs(tag=TAG, response=documents.Allowance),
    "GET /admin/api/credits": Docs(tag=TAG, query=documents.HolderQuery, response=documents.CreditList),
    "POST /admin/api/credits": Docs(
        tag=TAG,
        request=documents.NewCredit,
        response=documents.Credit,
        description="Once there is credit, calls that do not fit into what is left of it are refused with 402.",
        example={"level": "organisation", "holder": "Lighthouse Ltd", "amount_usd": "100.00", "note": "Invoice 2041"},
    ),
    "GET /admin/api/routing": Docs(
        tag=TAG,
        response=RoutingInForce,
        description="The configuration's section `routing`, which is read again when its file changes, with the offers "
        "and keys that are left alone for a while.",
    ),
    "GET /admin/api/providers": Docs(
        tag=TAG,
        query=ProviderQuery,
        response=ProviderList,
        description="Those of the configuration, and all that this version can call, with why they are on or off.",
    ),
    "POST /admin/api/providers/{provider}/pause": Docs(
        tag=TAG,
        request=NewPause,
        response=ProviderState,
        description="No request begins with it any more, in other processes a few seconds later; those under way "
        "finish. It stays paused over restarts. Paused again, only the reason changes.",
        example={"reason": "Invoice under review"},
    ),
    "POST /admin/api/providers/{provider}/resume": Docs(
        tag=TAG, response=ProviderState, description="One that is not paused stays as it is."
    ),
    "POST /admin/api/providers/{provider}/test": Docs(
        tag=TAG,
        response=ProviderTest,
        description="Asks it something that costs nothing, with each of its keys. What works again is used again.",
    ),
}
"""By method and path, as in `ADMIN_ROUTES`."""
