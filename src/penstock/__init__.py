"""Penstock: a self-hosted gateway for image models and the text models around them.

Importing the package does nothing; `penstock.app.build(settings)` makes a gateway.
"""

__version__ = "0.1.0"
