# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module capture, run in this process, for tests of packets on their way."""

import os

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.nodenet.fabric.plugins.modules import capture


def run(**options):
    """Run the module and return its result."""
    found = ArgumentSpecValidator(capture.SPEC).validate(options)
    assert not found.error_messages, found.error_messages
    return capture.perform(found.validated_parameters)


def see(netns, *packets, questions=(), tries=1, port=50000):
    """Send packets while all of ``netns`` listen; return (what came of each, the hops, the answers to ``questions``)."""
    mark = {"token": os.urandom(8).hex(), "port": port}
    run(step="listen", netns=list(netns), **mark)
    numbered = [{"flow": number, **packet} for number, packet in enumerate(packets)]
    result = run(step="send", packets=numbered, questions=list(questions), tries=tries, **mark)
    hops = run(step="collect", **mark)["hops"]
    return result["sent"], hops, result.get("answers")


def places(hops, direction="forward"):
    """Return the hops of one direction as text: namespace, interface, "out" or "in"."""
    return [f"{one['netns']} {one['device']} {one['action']}" for one in hops if one["direction"] == direction]


def inner(hop):
    """Return the innermost IP header of a hop."""
    return [header for header in hop["packet"] if header["type"] in ("ipv4", "ipv6")][-1]
