# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is lost between endpoints while something changes: numbered packets both ways, and open TCP connections.

    with Traffic([(one, other)]) as traffic:
        traffic.part("the change")
        change()
        result = traffic.stop()
    assert not result.lost and not result.retransmissions, result.text()

Each packet is counted at its receiver, whose buffer holds all of them. A sender that was late leaves packets out and says so: what
was not sent is not lost. ``loss_agent.py`` is the program, one on each machine; copy it to others with ``loss_sockets.py``.
"""

import json
import select
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

PROGRAM = Path(__file__).absolute().parent / "loss_agent.py"
# what is on its way when the senders are quiet
ON_ITS_WAY = 0.3
# for which an answer is waited for
SECONDS = 30


class End(NamedTuple):
    """An endpoint that packets come from and go to.

    :param namespace: path of its network namespace, as its machine sees it; empty: the machine's own.
    :param addresses: a packet goes to each of them, and is lost if none arrives: an endpoint that changes its address has two.
    :param machine: the key of ``machines`` of :class:`Traffic`.
    """

    name: str
    namespace: str
    addresses: tuple
    machine: str = ""


def end_in_lab(pid, netns, *addresses):
    """Return an endpoint on a host of a lab.

    :param pid: the process that holds the host.
    """
    return End(netns, f"/proc/{pid}/root/run/netns/{netns}", addresses)


class Gap(NamedTuple):
    """Packets in a row that did not arrive, with when the ones before and after them were sent (:func:`time.time`)."""

    begin: float
    end: float
    lost: int


@dataclass
class Flow:
    """One direction.

    :param parts: name -> how many of that part arrived.
    :param again: how many arrived twice.
    :param errors: what the sender's kernel said -> how often.
    :param dropped: by the receiver's socket.
    """

    source: str
    target: str
    sent: int
    received: int
    parts: dict
    again: int
    gaps: list
    errors: dict
    dropped: int

    @property
    def lost(self):
        return sum(gap.lost for gap in self.gaps)


@dataclass
class Connection:
    """An open TCP connection, both ends together.

    :param events: (when, how many segments were sent again then).
    :param needless: how many of them had arrived the first time.
    """

    client: str
    server: str
    retransmissions: int = 0
    needless: int = 0
    broken: str = ""
    moved: int = 0
    events: list = field(default_factory=list)


class Part(NamedTuple):
    """What happened from one call of :meth:`Traffic.part` to the next."""

    sent: int
    lost: int
    retransmissions: int
    seconds: float


@dataclass
class Result:
    """All that was counted.

    :param left_out: how many packets of one direction were not sent, as the sender was late; ``behind``: when, and how many.
    :param counters: place -> what the kernel threw away there.
    """

    flows: list
    connections: list
    parts: dict
    left_out: int
    behind: list
    counters: dict

    @property
    def sent(self):
        return sum(flow.sent for flow in self.flows)

    @property
    def lost(self):
        return sum(flow.lost for flow in self.flows)

    @property
    def retransmissions(self):
        return sum(connection.retransmissions for connection in self.connections)

    @property
    def broken(self):
        return [connection.broken for connection in self.connections if connection.broken]

    def text(self):
        """Return lines that say where and when something was lost."""
        lines = (
            [f"{self.left_out} packets of each direction were not sent: the sender was late"] if self.left_out else []
        )
        for flow in self.flows:
            lines.append(
                f"{flow.source} -> {flow.target}: {flow.lost} of {flow.sent} lost {flow.errors or ''}".rstrip()
            )
            lines += [
                f"  {_clock(gap.begin)}: {gap.lost} in {(gap.end - gap.begin) * 1000:.0f} ms" for gap in flow.gaps[:20]
            ]
            lines += [f"  and {len(flow.gaps) - 20} more gaps"] if len(flow.gaps) > 20 else []
        for one in self.connections:
            again = f"{one.retransmissions} retransmissions, {one.needless} of them needless"
            lines.append(f"{one.client} - {one.server}: {again} {one.broken}".rstrip())
            lines += [f"  {_clock(when)}: {count}" for when, count in one.events]
        return "\n".join([*lines, *(f"{place}: {counts}" for place, counts in self.counters.items())])


def _clock(moment):
    return time.strftime("%H:%M:%S", time.localtime(moment)) + f"{moment % 1:.3f}"[1:]


class Traffic:
    """Packets and connections between pairs of endpoints, from ``with`` to :meth:`stop`.

    :param pairs: of :class:`End`.
    :param rate: packets a second in each direction; ``size``: their payload.
    :param tcp: whether each pair has an open connection, too, with ``write`` bytes written a hundred times a second by both ends.
    :param watch: name -> path of a namespace whose counters are read, too, or (machine, name) -> path.
    :param machines: machine -> the command that is ``loss_agent.py`` there; the empty one is this machine.
    """

    def __init__(self, pairs, rate=1000, size=64, tcp=True, write=8192, watch=None, machines=None):
        self.rate = rate
        self.ends = list(dict.fromkeys(end for pair in pairs for end in pair))
        number = {end: index for index, end in enumerate(self.ends)}
        self.flows = [flow for one, other in pairs for flow in ((one, other), (other, one))]
        self.streams = list(pairs) if tcp else []
        watched = defaultdict(dict)
        for end in self.ends:
            watched[end.machine][end.name] = end.namespace
        for name, path in (watch or {}).items():
            machine, place = ("", name) if isinstance(name, str) else name
            watched[machine][place] = path
        self._configuration = {
            "rate": rate,
            "size": size,
            "write": write,
            "watch": watched,
            "ends": [end._asdict() for end in self.ends],
            "flows": [[number[one], number[other]] for one, other in self.flows],
            "streams": [[number[one], number[other]] for one, other in self.streams],
        }
        self._commands = {
            end.machine: (machines or {}).get(end.machine) or [sys.executable, str(PROGRAM)] for end in self.ends
        }
        self._agents, self._marks = {}, []

    def __enter__(self):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._agents = {machine: subprocess.Popen(words, **pipes) for machine, words in self._commands.items()}
        try:
            for machine, agent in self._agents.items():
                self._write(agent, {**self._configuration, "machine": machine})
            for agent in self._agents.values():
                assert self._read(agent) == "ready"
            self.part("")
            self._order("begin")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_error):
        self.close()

    def part(self, name):
        """Begin a part of the time, which lasts until the next one."""
        self._marks.append((name, time.time()))

    def stop(self):
        """End the traffic and return its Result."""
        ended = time.time()
        self._order("quiet")
        time.sleep(ON_ITS_WAY)
        reports = self._order("report", [0, *(when for _name, when in self._marks[1:])])
        self.close()
        return self._merged(list(reports), ended)

    def close(self):
        """End the programs."""
        for agent in self._agents.values():
            agent.stdin.close()
        for agent in self._agents.values():
            try:
                agent.wait(timeout=10)
            except subprocess.TimeoutExpired:
                agent.kill()
                agent.wait()
            agent.stdout.close()
        self._agents = {}

    def _order(self, *words):
        for agent in self._agents.values():
            self._write(agent, words)
        return [self._read(agent) for agent in self._agents.values()]

    @staticmethod
    def _write(agent, what):
        agent.stdin.write(json.dumps(what).encode() + b"\n")
        agent.stdin.flush()

    @staticmethod
    def _read(agent):
        assert select.select([agent.stdout], [], [], SECONDS)[0], "nothing comes through, before any change"
        line = agent.stdout.readline()
        assert line, f"the program that counts has ended with {agent.wait()}"
        return json.loads(line)

    def _merged(self, reports, ended):
        senders = {one["flow"]: one for report in reports for one in report["senders"]}
        receivers = {one["flow"]: one for report in reports for one in report["receivers"]}
        names = [name for name, _when in self._marks]
        flows = []
        for index, (source, target) in enumerate(self.flows):
            sent, got = senders[index], receivers[index]
            gaps = [Gap(*gap) for gap in got["gaps"]]
            if sent["next"] > got["next"]:
                gaps.append(Gap(got["last"], ended, sent["next"] - got["next"]))
            total = sent["next"] - got["first"]
            parts = dict(zip(names, got["parts"]))
            more = (got["again"], gaps, sent["errors"], got["dropped"])
            flows.append(Flow(source.name, target.name, total, got["received"], parts, *more))
        connections = self._connections(reports)
        return Result(
            flows,
            connections,
            self._parts(flows, connections, ended),
            max(report["left_out"] for report in reports),
            [stretch for report in reports for stretch in report["behind"]],
            {place: counts for report in reports for place, counts in report["counters"].items()},
        )

    def _connections(self, reports):
        found = [Connection(client.name, server.name) for client, server in self.streams]
        for talker in (one for report in reports for one in report["talkers"]):
            one, before = found[talker["stream"]], 0
            one.retransmissions += talker["retransmissions"]
            one.needless += talker["needless"]
            one.broken = one.broken or talker["broken"]
            one.moved += talker["read"]
            for when, total in talker["events"]:
                one.events.append((when, total - before))
                before = total
        return found

    def _parts(self, flows, connections, ended):
        found = {}
        for (name, begin), end in zip(self._marks, [when for _name, when in self._marks[1:]] + [ended + ON_ITS_WAY]):
            lost = sum(gap.lost for flow in flows for gap in flow.gaps if begin <= gap.begin < end)
            again = sum(count for one in connections for when, count in one.events if begin <= when < end)
            found[name] = Part(sum(flow.parts[name] for flow in flows) + lost, lost, again, end - begin)
        return found
