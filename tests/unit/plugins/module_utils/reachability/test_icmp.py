# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Echo requests and answers as bytes."""

import socket
import struct

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.icmp import (
    ERRORS,
    HEADERS,
    arrived,
    checksum,
    request,
)
from hypothesis import given
from hypothesis import strategies as st

TOKEN = b"12345678"


class Arrivals:
    """A socket that has these packets waiting."""

    def __init__(self, *packets):
        self._packets = list(packets)

    def recvmsg(self, _size, _ancillary):
        if not self._packets:
            raise BlockingIOError
        return self._packets.pop(0)


def ip(message, ttl=63):
    """Return an IPv4 packet around ``message``, with an option so that its header is not the shortest."""
    return struct.pack("!BBHHHBBH4s4s4x", 0x46, 0, 24 + len(message), 0, 0, ttl, 1, 0, bytes(4), bytes(4)) + message


def came(of, *packets):
    return list(arrived(Arrivals(*packets), of, TOKEN))


def reply(of, message):
    return bytes([{4: 0, 6: 129}[of]]) + message[1:]


@given(st.binary(max_size=1500))
def test_the_sum_over_data_and_its_checksum_is_zero(data):
    even = data + bytes(len(data) % 2)
    assert checksum(even + struct.pack("!H", checksum(even))) == 0


def test_checksum_of_the_rfc():
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D  # RFC 1071, 3


@pytest.mark.parametrize("of", [4, 6])
@pytest.mark.parametrize("size", [None, 68, 1500])
def test_a_request_has_the_size_that_is_asked_for(of, size):
    assert len(request(of, TOKEN, 7, size)) + HEADERS[of] - 8 == (size or HEADERS[of] + 12)


@pytest.mark.parametrize("number", [0, 7, 70000])
def test_an_answer_is_known_by_what_it_carries(number):
    limit = [(socket.IPPROTO_IPV6, 52, struct.pack("i", 61))]
    assert came(4, (ip(reply(4, request(4, TOKEN, number, None))), [], 0, ("10.0.0.2", 0))) == [(number, 63, "")]
    assert came(6, (reply(6, request(6, TOKEN, number, None)), limit, 0, ("fd00::2", 0))) == [(number, 61, "")]


@pytest.mark.parametrize(
    "message",
    [
        request(4, TOKEN, 7, None),  # a request, not an answer
        reply(4, request(4, b"another.", 7, None)),
        reply(4, request(4, TOKEN, 7, None))[:18],
        b"",
    ],
)
def test_what_is_not_an_answer_to_us_is_left(message):
    assert came(4, (ip(message), [], 0, ("10.0.0.2", 0))) == []


@pytest.mark.parametrize("quoted", [None, 8])
def test_an_error_is_known_by_the_request_that_it_quotes(quoted):
    ours = ip(request(4, TOKEN, 7, None))
    ours = ours if quoted is None else ours[: 24 + quoted]
    error = ip(struct.pack("!BBHI", 3, 1, 0, 0) + ours)
    assert came(4, (error, [], 0, ("10.0.0.1", 0))) == [(7, None, "10.0.0.1 says: host unreachable")]
    error = struct.pack("!BBHI", 2, 0, 0, 1400) + bytes(40) + request(6, TOKEN, 7, None)
    assert came(6, (error, [], 0, ("fd00::1", 0))) == [(7, None, "fd00::1 says: packet too big")]


def test_an_error_about_another_s_request_is_left():
    error = ip(struct.pack("!BBHI", 3, 1, 0, 0) + ip(request(4, b"another.", 7, None)))
    assert came(4, (error, [], 0, ("10.0.0.1", 0))) == []


def test_every_error_has_words_for_any_code():
    for table in ERRORS.values():
        assert {kind for kind, _code in table} == {kind for kind, code in table if code is None}
