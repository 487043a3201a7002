"""The one place the network lives: the upstream client, the guarded fetcher, and slots that bound calls at once.

client.py   sends an adapter's request and brings back its reply or its stream of events
events.py   server-sent events out of chunks
fetch.py    downloads addresses given by callers and providers, never from private networks
slots.py    at most so many calls at once per account and offer
"""
