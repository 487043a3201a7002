"""Addresses given by callers: fetched from the public internet and from hosts that are allowed, and from nowhere else.

The gateway here allows `localhost` and not `127.0.0.1`, so that one server on loopback is both an allowed host and a
private one, by its two names.
"""

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.e2e.doors import PICTURE, WITH_PICTURES, Door, assert_refused, client_of, name_of, refusal
from tests.e2e.running import RunningGateway
from tests.simulators.bfl import BflSimulator
from tests.simulators.openai import OpenAISimulator


class Host(ThreadingHTTPServer):
    """Serves a picture and redirects, and remembers who came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str]] = []
        """Path and `Host` of each request."""
        self.headers: list[set[str]] = []


class Handler(BaseHTTPRequestHandler):
    """`/to/ADDRESS` redirects there; `/status/CODE` answers with it; `/slow` never; `/chain/N` redirects N times."""

    server: Host
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers.get("host", "")))
        self.server.headers.append({name.lower() for name in self.headers})
        _, kind, *rest = self.path.split("/", 2)
        match kind:
            case "to":
                self._answer(302, location=base64.urlsafe_b64decode(rest[0]).decode("latin-1"))
            case "chain" if rest != ["0"]:
                self._answer(307, location=f"/chain/{int(rest[0]) - 1}")
            case "status":
                self._answer(int(rest[0]))
            case "page":
                self._answer(200, b"<html>Please sign in</html>")
            case "cut":
                self.send_response(200)
                self.send_header("content-length", "1000")
                self.end_headers()
                self.wfile.write(PICTURE[:30])
                self.close_connection = True
            case "slow":
                threading.Event().wait(1.5)
                self.close_connection = True
            case _:
                self._answer(200, PICTURE)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, body: bytes = b"", location: str | None = None) -> None:
        self.send_response(status)
        if location is not None:
            self.send_header("location", location)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, bfl: BflSimulator) -> Iterator[RunningGateway]:
    settings = {
        "providers": {"bfl": {"base_url": bfl.url, "api_key": "bfl-test-key", "quirks": {"poll_seconds": 0.01}}},
        "network": {"allow_private_hosts": ["localhost"], "fetch_timeout_seconds": 0.5},
    }
    with RunningGateway(tmp_path_factory.mktemp("gateway"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    with client_of(gateway) as opened:
        yield opened


@pytest.fixture(autouse=True)
def nobody_is_called(
    fresh_simulators: None, bfl: BflSimulator, openai_upstream: OpenAISimulator, host: Host
) -> Iterator[None]:
    host.seen.clear()
    host.headers.clear()
    yield
    assert bfl.calls == openai_upstream.calls == []
    assert [name for _, name in host.seen if not name.startswith("localhost")] == []


def ask(client: httpx.Client, door: Door, address: str) -> httpx.Response:
    assert door.picture_field is not None
    return client.post(door.path, json={**door.good, "model": "sandbox/image", **door.picture_field(address)})


PRIVATE = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.000.000.001",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "0x7F.1",
    "2130706433",
    "0",
    "0.0.0.0",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fec0::1]",
    "[ff02::1]",
    "localhost.localdomain.",
    "ip6-localhost",
    "example.com@127.0.0.1",
    "127.0.0.1%00.example.com",
    "127.0.0.1%2f@example.com",
]


@pytest.mark.parametrize("private", PRIVATE)
def test_no_spelling_of_a_private_address_is_fetched(
    gateway: RunningGateway, client: httpx.Client, host: Host, private: str
) -> None:
    response = ask(client, WITH_PICTURES[0], f"https://{private}:{host.server_port}/secret.png")
    refused = refusal(response)[1]["code"] == "image_address_refused"
    assert_refused(gateway, response, 400, "address is refused" if refused else "could not be read", "images")
    assert host.seen == []


REFUSED = {
    "plain http": ("http://example.com/a.png", "Only https"),
    "plain http to a private host": ("http://127.0.0.1/a.png", "Only https"),
    "a private address": ("https://127.0.0.1/a.png", "127.0.0.1 is in a private network"),
    "the cloud's own": ("https://169.254.169.254/latest/meta-data", "in a private network"),
    "a private IPv6 address": ("https://[::1]/a.png", "in a private network"),
    "a number": ("https://2130706433/a.png", "a number and no host name"),
    "a hexadecimal number": ("https://0x7f000001/a.png", "a number and no host name"),
    "credentials": ("https://user:word@example.com/a.png", "no credentials"),
    "a port there is none of": ("https://example.com:99999/a.png", "not a URL"),
    "brackets left open": ("https://[::1/a.png", "not a URL"),
    "no host": ("https:///a.png", "with a host"),
    "no scheme": ("//example.com/a.png", "Only https"),
    "a file": ("file:///etc/passwd", "with a host"),
    "ftp": ("ftp://localhost/a.png", "Only http and https"),
    "gopher": ("gopher://localhost:6379/_x", "Only http and https"),
}


@pytest.mark.parametrize("door", WITH_PICTURES, ids=name_of)
@pytest.mark.parametrize(("address", "says"), REFUSED.values(), ids=REFUSED)
def test_an_address_that_may_not_be_fetched_is_refused_with_the_reason(
    gateway: RunningGateway, client: httpx.Client, door: Door, address: str, says: str
) -> None:
    response = ask(client, door, address)
    assert_refused(gateway, response, 400, says, door.about)
    assert refusal(response)[1]["code"] == "image_address_refused"


def redirect(host: Host, location: str) -> str:
    return f"http://localhost:{host.server_port}/to/{base64.urlsafe_b64encode(location.encode('latin-1')).decode()}"


REDIRECTS = {
    "to itself by its private name": "http://127.0.0.1:{port}/secret.png",
    "to itself by https": "https://127.0.0.1:{port}/secret.png",
    "to a number": "https://2130706433:{port}/secret.png",
    "to the cloud's own": "http://169.254.169.254/latest/meta-data",
    "to a private IPv6 address": "https://[::1]:{port}/secret.png",
    "without a scheme": "//127.0.0.1:{port}/secret.png",
    "to a file": "file:///etc/passwd",
    "to data": "data:image/png;base64,AAAA",
    "to no URL": "http://[::1",
    "to a port there is none of": "http://localhost:99999/",
    "with credentials": "http://user:word@localhost:{port}/secret.png",
}


@pytest.mark.parametrize("location", REDIRECTS.values(), ids=REDIRECTS)
def test_a_redirect_is_checked_like_an_address(
    gateway: RunningGateway, client: httpx.Client, host: Host, location: str
) -> None:
    response = ask(client, WITH_PICTURES[0], redirect(host, location.format(port=host.server_port)))
    assert_refused(gateway, response, 400, "address is refused", "images")
    assert len(host.seen) == 1


FAILING = {
    "that is not there": ("/status/404", "localhost answered 404"),
    "that is broken": ("/status/500", "localhost answered 500"),
    "that redirects to nowhere": ("/status/302", "redirected more than 3 times"),
    "that redirects for ever": ("/chain/9", "redirected more than 3 times"),
    "that breaks off": ("/cut", "could not be read"),
    "that hangs": ("/slow", "did not answer within 0.5 seconds"),
}


@pytest.mark.parametrize(("path", "says"), FAILING.values(), ids=FAILING)
def test_what_goes_wrong_while_fetching_is_told(
    gateway: RunningGateway, client: httpx.Client, host: Host, path: str, says: str
) -> None:
    response = ask(client, WITH_PICTURES[0], f"http://localhost:{host.server_port}{path}")
    assert_refused(gateway, response, 400, says, "images")
    assert refusal(response)[1]["code"] == "image_download_failed"


def test_a_page_is_no_picture(gateway: RunningGateway, client: httpx.Client, host: Host) -> None:
    response = ask(client, WITH_PICTURES[0], f"http://localhost:{host.server_port}/page")
    assert_refused(gateway, response, 400, "This is markup", "images")


@pytest.mark.parametrize("door", WITH_PICTURES, ids=name_of)
@pytest.mark.parametrize("path", ["/a.png", "/chain/3"])
def test_an_allowed_host_is_fetched_from_without_any_secret(
    gateway: RunningGateway, client: httpx.Client, host: Host, door: Door, path: str
) -> None:
    response = ask(client, door, f"http://localhost:{host.server_port}{path}")
    assert response.status_code == 200, response.text
    row = gateway.request(response.headers["x-request-id"])
    assert (row["operation"], row["reference_count"], row["reference_pixels"]) == ("image_edit", 1, 64 * 64)
    assert all(not names & {"authorization", "x-key", "cookie", "referer", "x-request-id"} for names in host.headers)
