"""The administration endpoints: method, path, summary and handler. Each of them needs the scope `admin`."""

from collections.abc import Awaitable, Callable

from penstock.api import admin_keys, admin_people, admin_providers, admin_routing, admin_spending
from penstock.pipeline.request import Reply

ADMIN_ROUTES: tuple[tuple[str, str, str, Callable[..., Awaitable[Reply]]], ...] = (
    ("GET", "/admin/api/organisations", "Organisations", admin_people.list_organisations),
    ("POST", "/admin/api/organisations", "Make an organisation", admin_people.create_organisation),
    ("GET", "/admin/api/organisations/{organisation}", "One organisation", admin_people.show_organisation),
    ("PATCH", "/admin/api/organisations/{organisation}", "Rename one", admin_people.change_organisation),
    ("DELETE", "/admin/api/organisations/{organisation}", "Archive one", admin_people.archive_organisation),
    ("GET", "/admin/api/teams", "Teams", admin_people.list_teams),
    ("POST", "/admin/api/teams", "Make a team", admin_people.create_team),
    ("GET", "/admin/api/teams/{team}", "One team", admin_people.show_team),
    ("PATCH", "/admin/api/teams/{team}", "Rename one", admin_people.change_team),
    ("DELETE", "/admin/api/teams/{team}", "Archive one", admin_people.archive_team),
    ("GET", "/admin/api/users", "Users", admin_people.list_users),
    ("POST", "/admin/api/users", "Make a user", admin_people.create_user),
    ("GET", "/admin/api/users/{user}", "One user", admin_people.show_user),
    ("PATCH", "/admin/api/users/{user}", "Rename one", admin_people.change_user),
    ("DELETE", "/admin/api/users/{user}", "Archive one", admin_people.archive_user),
    ("GET", "/admin/api/keys", "Keys", admin_keys.list_keys),
    ("POST", "/admin/api/keys", "Make a key", admin_keys.create_key),
    ("GET", "/admin/api/keys/{key}", "One key", admin_keys.show_key),
    ("PATCH", "/admin/api/keys/{key}", "Change one", admin_keys.change_key),
    ("DELETE", "/admin/api/keys/{key}", "Revoke one", admin_keys.revoke_key),
    ("POST", "/admin/api/keys/{key}/rotate", "Give one a new secret", admin_keys.rotate_key),
    ("GET", "/admin/api/budgets", "Budgets and what is left of them", admin_spending.list_budgets),
    ("POST", "/admin/api/budgets", "Make a budget", admin_spending.create_budget),
    ("GET", "/admin/api/budgets/{budget}", "One budget", admin_spending.show_budget),
    ("PATCH", "/admin/api/budgets/{budget}", "Change one", admin_spending.change_budget),
    ("DELETE", "/admin/api/budgets/{budget}", "End one", admin_spending.end_budget),
    ("GET", "/admin/api/limits", "Rate limits", admin_spending.list_limits),
    ("POST", "/admin/api/limits", "Make a rate limit", admin_spending.create_limit),
    ("DELETE", "/admin/api/limits/{limit}", "End one", admin_spending.end_limit),
    ("GET", "/admin/api/allowances", "Monthly allowances", admin_spending.list_allowances),
    ("POST", "/admin/api/allowances", "Make an allowance", admin_spending.create_allowance),
    ("DELETE", "/admin/api/allowances/{allowance}", "End one", admin_spending.end_allowance),
    ("GET", "/admin/api/credits", "Credit and what is left of it", admin_spending.list_credits),
    ("POST", "/admin/api/credits", "Pay in", admin_spending.add_credit),
    ("GET", "/admin/api/routing", "How requests are routed now", admin_routing.show_routing),
    ("GET", "/admin/api/providers", "Providers and how they do", admin_providers.list_providers),
    ("POST", "/admin/api/providers/{provider}/pause", "Pause one", admin_providers.pause_provider),
    ("POST", "/admin/api/providers/{provider}/resume", "Resume one", admin_providers.resume_provider),
    ("POST", "/admin/api/providers/{provider}/test", "Test one without spending", admin_providers.test_provider),
)
