"""What callers see: the endpoints of each dialect, their errors and their streams. No decision is made here.

routes.py        the table of endpoints, with the scope each one needs
openai.py        chat, image generations, image edits and embeddings under /v1
openrouter.py    the same operations under /api/v1, in that dialect
wishes.py        what a caller asks of the gateway beside the call: providers, address or base64
answers.py       answers as JSON bodies, for both dialects
streams.py       answers as server-sent events, for both dialects
errors.py        errors, for both dialects
models.py        lists of models and endpoints
assets.py        pictures by their signed addresses
health.py        liveness and readiness
openapi.py       the description of all of it, and its page
"""
