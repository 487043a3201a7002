"""The way of a request: one function, and one file for each of its steps. Every step handles every operation.

life.py      the function: read it first
ingress.py   bodies in: JSON and multipart, pictures stored as they arrive
auth.py      key -> principal
limit.py     requests, pictures, tokens, money per window; requests in flight
resolve.py   model name -> candidates, and why each other offer was excluded
imagine.py   a chat with a model that only makes pictures, as a request for pictures
fields.py    the fields of a request for pictures, checked
quote.py     the price of this call at each candidate
route.py     strategy -> plan
reserve.py   money set aside for the plan, against every budget
call.py      carry the plan out: attempts, fallback, several pictures by several calls
drive.py     one upstream call: asked at once, polled, streamed or in process
keep.py      pictures brought home: downloaded or decoded into the asset store
settle.py    usage -> exact cost
record.py    one ledger row per request and per attempt
facts.py     what is written down of a request under way
resume.py    requests finished whose process died
retention.py pictures and rows of the ledger deleted when their time is over
respond.py   replies out, in pieces, with the metadata headers

gateway.py holds the parts the steps use; request.py the values they hand on, and spool.py
a body that is written to a file before it is sent.
"""
