# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker, by the HTTP API of its daemon (https://docs.docker.com/reference/api/engine/): no client and no library are needed."""

from __future__ import annotations

import json
import socket
from typing import Any, Dict, List, Optional

from ...engine.errors import FabricError, reason
from .container import Container, no_container

# dockerd(8), --host
SOCKET = "/run/docker.sock"
# the daemon may be about to start: its socket is systemd's
SECONDS = 60.0


class Refused(FabricError):
    """The daemon answered with an error.

    :param status: of HTTP.
    """

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(f"docker: {problem}")
        self.status = status


def ask(
    method: str, path: str, body: Optional[Dict[str, Any]] = None, *, seconds: float = SECONDS, **query: Any
) -> Any:
    """Send one request to the daemon and return its answer, parsed; None: it has no body.

    :param path: without a version: the newest that the daemon knows is meant.
    :param seconds: how long to wait for each part of the answer.
    :param query: name -> value; anything but text is sent as JSON.
    :raises Refused: the daemon says why.
    :raises FabricError: the daemon does not answer.
    """
    import http.client  # noqa: PLC0415 - runs without Docker go without it
    from urllib.parse import urlencode  # noqa: PLC0415

    words = {name: value if isinstance(value, str) else json.dumps(value) for name, value in query.items()}
    connection = http.client.HTTPConnection("docker", timeout=seconds)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.sock.settimeout(seconds)
        connection.sock.connect(SOCKET)
        connection.request(
            method,
            path + (f"?{urlencode(words)}" if words else ""),
            None if body is None else json.dumps(body),
            {"Content-Type": "application/json"},
        )
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as failure:
        problem = reason(failure) if isinstance(failure, OSError) else str(failure)
        raise FabricError(
            f"docker's daemon does not answer on {SOCKET} ({problem}): start it (systemctl start docker)"
        ) from failure
    finally:
        connection.close()
    if answer.status >= 400:
        raise Refused(answer.status, _message(text) or f"{method} {path}: HTTP status {answer.status}")
    return json.loads(text) if text.strip()[:1] in ("{", "[") else None


def _message(text):
    try:
        return json.loads(text)["message"].strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        return text.strip()


def inspect(sort: str, name: str) -> Optional[Dict[str, Any]]:
    """Return what the daemon says of an object, or None: there is none of that name.

    :param sort: ``networks``, or ``containers``.
    """
    from urllib.parse import quote  # noqa: PLC0415 - as in ask

    path = f"/{sort}/{quote(name, safe='')}" + ("/json" if sort == "containers" else "")
    try:
        return ask("GET", path)
    except Refused as failure:
        if failure.status == 404:
            return None
        raise


def pid_of(name: str) -> int:
    """Return the first process of a container, 0: it does not run."""
    found = inspect("containers", name)
    if found is None:
        raise no_container("docker", name)
    return int(found["State"]["Pid"] or 0)


def containers(network: str) -> List[Container]:
    """Return the containers on a network; a stopped one keeps its place there, by the network's id."""
    listed = ask("GET", "/containers/json", all=True, filters={"network": [network]})
    found = [inspect("containers", one["Id"]) for one in listed]
    # the filter matches a part of an id as well
    return [_container(one, network) for one in found if one and network in one["NetworkSettings"]["Networks"]]


def _container(found, network):
    place = found["NetworkSettings"]["Networks"][network]
    addresses = tuple(filter(None, (place.get("IPAddress"), place.get("GlobalIPv6Address"))))
    return Container("docker", found["Name"].lstrip("/"), found["Id"], int(found["State"]["Pid"] or 0), addresses)


def version() -> str:
    """Return the daemon's version."""
    return ask("GET", "/version")["Version"]
