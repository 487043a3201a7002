"""The benchmark: what one request costs the gateway, beside a bare nginx proxy, on the machine it is run on.

Run it with `make bench` or `python -m benchmarks`. It belongs to the repository, not to the installed package; its
figures are reports and never decide a test.
"""
