"""The settings, for administrators: one file for each part, and the table of their pages.

frame.py       the parts at the side, notices, forms and questions
holders.py     whose something is, in words
overview.py    what is set up, and what is missing
keys.py        keys
people.py      organisations, teams and users
budgets.py     budgets, credits and allowances
limits.py      rate limits
providers.py   which are on, and why others are off; tested, paused, resumed
routing.py     how requests are routed, and what would become of one
catalogue.py   what this installation changes of it, and prices that need a look
benchmarks.py  contributed results

Nothing is done here that the API cannot do: forms become its requests (`web.forms`), and its functions answer them.
"""

from collections.abc import Awaitable, Callable

from penstock.pipeline.request import Reply
from penstock.web.pages.settings import (
    benchmarks,
    budgets,
    catalogue,
    keys,
    limits,
    overview,
    people,
    providers,
    routing,
)

Handler = Callable[..., Awaitable[Reply]]

SETTINGS_PAGES: tuple[tuple[str, str, str, Handler], ...] = (
    ("GET", "/settings", "What is set up", overview.overview),
    ("GET", "/settings/keys", "Keys", keys.list_page),
    ("GET", "/settings/keys/new", "Make a key", keys.new_page),
    ("POST", "/settings/keys/new", "Make a key", keys.make),
    ("GET", "/settings/keys/{key}", "One key", keys.key_page),
    ("POST", "/settings/keys/{key}", "Change one", keys.change),
    ("POST", "/settings/keys/{key}/rotate", "Give one another secret", keys.rotate),
    ("GET", "/settings/keys/{key}/revoke", "Revoke one?", keys.revoke_page),
    ("POST", "/settings/keys/{key}/revoke", "Revoke one", keys.revoke),
    ("GET", "/settings/people", "Organisations, teams and users", people.list_page),
    ("GET", "/settings/people/{kind}/new", "Make one", people.new_page),
    ("POST", "/settings/people/{kind}/new", "Make one", people.make),
    ("GET", "/settings/people/{kind}/{who}", "One of them", people.one_page),
    ("POST", "/settings/people/{kind}/{who}", "Rename one", people.rename),
    ("GET", "/settings/people/{kind}/{who}/archive", "Archive one?", people.archive_page),
    ("POST", "/settings/people/{kind}/{who}/archive", "Archive one", people.archive),
    ("GET", "/settings/budgets", "Budgets, credits and allowances", budgets.list_page),
    ("GET", "/settings/budgets/new", "Make a budget", budgets.new_budget_page),
    ("POST", "/settings/budgets/new", "Make a budget", budgets.make_budget),
    ("GET", "/settings/budgets/credit", "Pay in", budgets.new_credit_page),
    ("POST", "/settings/budgets/credit", "Pay in", budgets.pay_in),
    ("GET", "/settings/budgets/allowance", "Make an allowance", budgets.new_allowance_page),
    ("POST", "/settings/budgets/allowance", "Make an allowance", budgets.make_allowance),
    ("GET", "/settings/budgets/{budget}", "One budget", budgets.budget_page),
    ("POST", "/settings/budgets/{budget}", "Change one", budgets.change),
    ("GET", "/settings/budgets/{budget}/end", "End one?", budgets.end_page),
    ("POST", "/settings/budgets/{budget}/end", "End one", budgets.end),
    ("GET", "/settings/allowances/{allowance}/end", "End an allowance?", budgets.end_allowance_page),
    ("POST", "/settings/allowances/{allowance}/end", "End an allowance", budgets.end_allowance),
    ("GET", "/settings/limits", "Rate limits", limits.list_page),
    ("GET", "/settings/limits/new", "Make a limit", limits.new_page),
    ("POST", "/settings/limits/new", "Make a limit", limits.make),
    ("GET", "/settings/limits/{limit}/end", "End one?", limits.end_page),
    ("POST", "/settings/limits/{limit}/end", "End one", limits.end),
    ("GET", "/settings/providers", "Providers", providers.list_page),
    ("POST", "/settings/providers/{provider}/test", "Test one without spending", providers.test),
    ("GET", "/settings/providers/{provider}/pause", "Pause one?", providers.pause_page),
    ("POST", "/settings/providers/{provider}/pause", "Pause one", providers.pause),
    ("POST", "/settings/providers/{provider}/resume", "Resume one", providers.resume_one),
    ("GET", "/settings/routing", "How requests are routed", routing.routing_page),
    ("GET", "/settings/routing/explain", "Explain a request", routing.explain_page),
    ("POST", "/settings/routing/explain", "Explain a request", routing.explain),
    ("GET", "/settings/catalogue", "The catalogue", catalogue.catalogue_page),
    ("GET", "/settings/benchmarks", "Contributed results", benchmarks.list_page),
    ("POST", "/settings/benchmarks/{review}", "Decide about one", benchmarks.decide),
)
