"""The way of a request: one function, and one file for each of its steps. Every step handles every operation.

life.py      the function: read it first
ingress.py   bodies in: JSON and multipart, pictures stored as they arrive
auth.py      key or session -> principal (`sessions.py`: the cookie and its token; `callers.py`: whose address counts)
limit.py     requests, pictures, tokens, money per window; requests in flight
imagine.py   a chat with a model that only makes pictures, as a request for pictures
fields.py    the fields of a request for pictures, checked
direct.py    which models, which strategy and which bounds count for the request
resolve.py   models -> candidates, and why each other offer was excluded
prefer.py    what the caller's `provider` object means for an offer (`preferences.py` reads it)
quote.py     the price of this call at each candidate
route.py     facts and strategy -> plan
reserve.py   money set aside for the plan, against every budget
call.py      carry the plan out: one candidate after another, or several at once (`together.py`)
asking.py    who may be asked next: the plan's rounds (`rounds.py`), breakers, keys in rotation
attempt.py   one candidate asked: one upstream call, or several for several pictures
outcome.py   what an attempt teaches about its offer and its key
drive.py     one upstream call: asked at once, polled, streamed or in process
keep.py      pictures brought home: downloaded or decoded into the asset store
settle.py    usage -> exact cost
late.py      what losers of a race cost, added when they are done
mirror.py    copies for comparison, after the answer
record.py    one ledger row per request and per attempt (`apps.py`: which application it came from)
facts.py     what is written down of a request under way
resume.py    requests finished whose process died
retention.py pictures and rows of the ledger deleted when their time is over
sharing.py   how offers have been doing, kept, told to other processes and added up by day
pausing.py   providers paused and resumed by the administrator (`switchboard.py`: who may be called)
probe.py     providers that are down are asked something that costs nothing
reload.py    routing read again when its file has changed (`routes.py` is what it says)
respond.py   replies out, in pieces, with the metadata headers

gateway.py holds the parts the steps use; request.py the values they hand on, and spool.py
a body that is written to a file before it is sent.
"""
