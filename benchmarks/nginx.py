"""nginx twice: the mock provider that gives the answers, and the bare proxy that the gateway is compared with.

The mock reads each request's body to its end before it answers, as a provider does: `mirror` makes nginx read it, and
the answer is a file, so that neither side of it costs much.
"""

import getpass
import os
from collections.abc import Iterable
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.payloads import EVENT_BYTES

_COMMON = """\
{user}daemon off;
worker_processes 1;
worker_rlimit_nofile 8192;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  client_max_body_size 0;
  client_body_buffer_size 16m;
  sendfile on;
  tcp_nodelay on;
{inside}}}
"""

_MOCK = """\
  open_file_cache max=100;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location = /read {{ internal; return 204; }}
{locations}  }}
"""

# A file cannot be posted to: nginx says 405, which becomes the file.
_CASE = """\
    location ~ ^/{name}/v1/ {{ mirror /read; alias {file}; error_page 405 =200 /answers/{name}; }}
    location = /answers/{name} {{ internal; alias {file}; default_type {kind};{options} }}
"""

_PROXY = """\
  upstream mock {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_max_temp_file_size 0;
      proxy_buffer_size 64k;
      proxy_buffers 16 64k;
      proxy_request_buffering off;
    }}
    location /stream/ {{
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
"""


def mock(folder: Path, port: int, cases: Iterable[Case]) -> list[str]:
    """Write the mock's configuration and answers into `folder`; returns the command that serves `/NAME/v1/...`."""
    answers = folder / "answers"
    answers.mkdir(parents=True)
    locations = ""
    for case in cases:
        file = answers / case.name
        file.write_bytes(case.reply)
        kind = "text/event-stream" if case.streams else "application/json"
        # One event per write, so that a reader meets events one by one, as it would with a model that thinks.
        options = f" sendfile_max_chunk {EVENT_BYTES};" if case.streams else ""
        locations += _CASE.format(name=case.name, file=file, kind=kind, options=options)
    return _command(folder, _MOCK.format(port=port, locations=locations))


def proxy(folder: Path, port: int, upstream: int) -> list[str]:
    """Write the proxy's configuration into `folder`; returns the command that serves what the mock does."""
    folder.mkdir(parents=True)
    return _command(folder, _PROXY.format(port=port, upstream=upstream))


def _command(folder: Path, inside: str) -> list[str]:
    # Workers started by root would drop to an account that cannot read a private temporary folder.
    user = f"user {getpass.getuser()};\n" if os.geteuid() == 0 else ""
    file = folder / "nginx.conf"
    file.write_text(_COMMON.format(user=user, folder=folder, inside=inside))
    return ["nginx", "-p", str(folder), "-c", str(file), "-e", str(folder / "error.log")]
