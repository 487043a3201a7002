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
capabilities.py  an offer's limits as that dialect describes them
price_lines.py   an offer's price as that dialect writes it
assets.py        pictures by their signed addresses
health.py        liveness and readiness
documents.py     the shapes of requests and answers, for the description
docs.py          what the description says of each endpoint
openapi.py       the description itself
pages.py         the description as a page, and the page's files
"""
