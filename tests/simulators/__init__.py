"""Providers that are not there: real HTTP servers on loopback that keep the promises of the real ones.

They are written from the providers' published rules and import nothing of Penstock, so that a mistake in an adapter
or a price is not made twice. Used by the end-to-end tests, and by hand: `python -m tests.simulators bfl --port 9101`.
"""

SIMULATORS = {
    "bfl": ("tests.simulators.bfl", "BflSimulator"),
    "openai": ("tests.simulators.openai", "OpenAISimulator"),
}
"""Name on the command line to module and class; imported only when asked for."""
