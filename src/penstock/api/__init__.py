"""What callers see: the endpoints of each dialect, their errors and their streams. No decision is made here.

routes.py        the table of endpoints, with the scope each one needs
openai.py        chat, image generations, image edits and embeddings under /v1
openrouter.py    the same operations under /api/v1, in that dialect
wishes.py        what a caller asks of the gateway beside the call: providers, address or base64
addresses.py     addresses on this gateway, signed ones of pictures
answers.py       answers as JSON bodies, for both dialects
streams.py       answers as server-sent events, for both dialects
errors.py        errors, for both dialects
models.py        the models served here, as OpenAI lists them
openrouter_models.py  the same as OpenRouter lists them, with their endpoints
quotes.py        what a request would cost at each offer (`quote_rows.py`: as it is shown)
workloads.py     what many requests of one kind would cost
explain.py       who would be asked, and why
unsent.py        questions about a request that is not made
config_header.py the header that says how a request is to be routed
router_metadata.py  how it was routed, in OpenRouter's dialect
capabilities.py  an offer's limits as that dialect describes them
price_lines.py   an offer's price as that dialect writes it
assets.py        pictures by their signed addresses
health.py        liveness and readiness
admin_routes.py  the table of administration endpoints, all for administrators
admin_people.py  organisations, teams and users
admin_keys.py    keys
admin_spending.py  budgets, rate limits, allowances and credits
admin_providers.py  which providers are on; paused, resumed and tested
admin_routing.py  how requests are routed now
admin_documents.py  what these read and answer
admin_docs.py    what the description says of each of them
usage.py         sums of usage, the ledger's requests, and what providers stated
export.py        the ledger as a file
ledger_documents.py  rows of the ledger as they are shown
ranges.py        ranges of time as people write them
metrics.py       counters for Prometheus
openrouter_keys.py  keys as that dialect tells of them
openrouter_account.py  credits, activity and generations, likewise
usage_routes.py  the table of all of these
usage_docs.py    what the description says of each of them
bodies.py        small bodies and queries, read strictly
times.py         times as bodies have them
documents.py     the shapes of requests and answers, for the description
documented.py    the type of what the description says of an endpoint
docs.py          what the description says of each endpoint
openapi.py       the description itself
"""
