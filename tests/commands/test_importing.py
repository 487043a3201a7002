"""Importing does nothing, and pays for nothing."""

import subprocess
import sys

import pytest

HEAVY = (
    "aiohttp alembic hypothesis jinja2 obstore PIL pydantic rich ruamel sqlalchemy starlette structlog uvicorn".split()
)


@pytest.mark.e2e
@pytest.mark.parametrize("module", ["penstock", "penstock.cli"])
def test_importing_brings_nothing_heavy_along(module: str) -> None:
    program = f"import {module}, sys; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []
