"""Log lines: JSON where nobody watches, readable in a terminal, and no variable's value in a traceback."""

import json
import os
import pty
import subprocess
import sys

import pytest

pytestmark = pytest.mark.e2e

PROGRAM = """
import logging, structlog
from penstock.telemetry import log

log.set_up("info")
logger = structlog.get_logger()

def serve(key):
    raise ValueError("broken")

logger.debug("request.began")
logger.info("request.ended", cost="0.03")
try:
    serve("psk_" + "secret" * 5)
except ValueError:
    logger.exception("request.broke", request_id="req_1")
logging.getLogger("aiohttp").warning("slow")
logging.getLogger("aiohttp").info("chatter")
"""
SECRET = "secretsecret"


def test_elsewhere_than_in_a_terminal_every_event_is_a_line_of_json() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    ended, broke, foreign = done.stderr.splitlines()
    assert done.stdout == ""
    assert json.loads(ended) | {"timestamp": ""} == {
        "event": "request.ended",
        "level": "info",
        "cost": "0.03",
        "timestamp": "",
    }
    assert json.loads(broke)["exception"][0]["exc_value"] == "broken"
    assert foreign == "WARNING aiohttp slow"
    assert SECRET not in done.stderr


def test_in_a_terminal_it_is_readable_and_holds_no_values_either() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:  # how Linux says that the other side has closed
            pass
    os.close(ours)
    assert process.returncode == 0
    assert b"request.ended" in shown and b"ValueError: broken" in shown
    assert SECRET.encode() not in shown
