"""The one place the network lives: the upstream client, the guarded fetcher, and slots that bound calls at once.

client.py   sends an adapter's request and brings back its reply or its stream of events
events.py   server-sent events out of chunks
fetch.py    downloads addresses given by callers and providers, never from private networks
health.py   how offers have been doing, lately and for a day
breakers.py which ones are left alone for a while
rotation.py which key of a provider a call is made with, and which ones rest
slots.py    at most so many calls at once per account and offer
"""
