# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of losses count by: nothing where nothing is lost, and exactly as many as were thrown away."""

import re
import time

import pytest
from loss import End, Traffic

NODE = """
set -e
ip link add br0 type bridge forward_delay 0 && ip link set br0 up && sysctl -qw net.ipv6.conf.all.forwarding=0
for number in 1 2; do
  ip netns add ns$number
  ip link add h$number master br0 up type veth peer name eth0 netns ns$number
  ip -n ns$number link set lo up
  ip -n ns$number link set eth0 up
  ip -n ns$number address add 10.0.0.$number/24 dev eth0
  ip -n ns$number address add fd00::$number/64 dev eth0 nodad
done
nft 'table bridge t { counter thrown { }; chain c { type filter hook forward priority 0; }; }'
"""


def end(number, *addresses):
    return End(f"ns{number}", f"/run/netns/ns{number}", addresses or (f"10.0.0.{number}",))


@pytest.fixture
def pair(node):
    node.sh(NODE)
    return end(1), end(2)


def drop(node, rule, seconds):
    """Throw packets away for so long, and return how many that were."""
    node.sh(f"nft 'add rule bridge t c {rule} counter name thrown drop'")
    time.sleep(seconds)
    node.sh("nft flush chain bridge t c")
    return int(re.search(r"packets (\d+)", node.sh("nft list counter bridge t thrown"))[1])


def test_nothing_is_lost_where_nothing_happens(pair):
    before = time.monotonic()
    with Traffic([pair, (end(1, "fd00::1"), end(2, "fd00::2"))]) as traffic:
        begun = time.monotonic()
        time.sleep(1)
        shortest = time.monotonic() - begun
        result = traffic.stop()
        longest = time.monotonic() - before
    assert result.lost == result.retransmissions == 0 and not result.broken, result.text()
    # a thousand packets a second in each direction, however long a busy machine slept
    assert 4000 * shortest - 100 < result.sent + 4 * result.left_out < 4000 * longest + 100, result.text()
    assert all(flow.received == flow.sent and not flow.dropped and not flow.again for flow in result.flows)
    # and a hundred writes a second by each end, but for when it was late
    least, most = (200 * 8192 * seconds for seconds in (shortest - result.left_out / 1000, longest))
    assert all(least * 0.7 < one.moved < most * 1.3 for one in result.connections), result.text()


@pytest.mark.parametrize("rule", ["udp dport 7100", "meta l4proto udp numgen inc mod 100 0"])
def test_as_many_are_lost_as_a_rule_throws_away_and_when_it_does(node, pair, rule):
    with Traffic([pair], watch={"node": ""}) as traffic:
        time.sleep(0.3)
        traffic.part("rule")
        begin = time.time()
        dropped = drop(node, rule, 0.5)
        end_of_it = time.time()
        time.sleep(0.1)
        traffic.part("later")
        time.sleep(0.3)
        result = traffic.stop()
    assert result.lost == dropped > 5, result.text()
    parts = result.parts
    assert [parts[name].lost for name in ("", "rule", "later")] == [0, dropped, 0]
    assert sum(part.sent for part in parts.values()) == result.sent
    gaps = [gap for flow in result.flows for gap in flow.gaps]
    assert gaps and all(begin - 0.05 < gap.begin and gap.end < end_of_it + 0.05 for gap in gaps)
    if "7100" in rule:  # one direction
        assert [flow.lost for flow in result.flows] == [dropped, 0]
    assert result.retransmissions == 0


def test_segments_that_are_thrown_away_are_sent_again_and_counted(node, pair):
    with Traffic([pair]) as traffic:
        traffic.part("rule")
        assert drop(node, "meta l4proto tcp numgen inc mod 10 0", 0.5)
        time.sleep(0.5)
        traffic.part("later")
        time.sleep(0.3)
        result = traffic.stop()
    assert result.retransmissions > 0 and result.lost == 0, result.text()
    assert result.parts["rule"].retransmissions == result.retransmissions and result.parts["later"].retransmissions == 0


def test_a_link_that_is_down_for_50_ms_loses_so_long(node, pair):
    with Traffic([pair], tcp=False) as traffic:
        time.sleep(0.3)
        down = time.time()
        node.sh("ip link set h2 down; sleep 0.05; ip link set h2 up")
        time.sleep(0.7)
        result = traffic.stop()
    for flow in result.flows:  # longer in one direction: the kernel says later that the carrier is back (linkwatch)
        (gap,) = flow.gaps
        assert flow.lost + result.left_out >= 45 and gap.begin > down - 0.02, result.text()
        assert gap.lost + result.left_out >= (gap.end - gap.begin) * 1000 - 5 >= gap.lost - 10, result.text()


@pytest.mark.parametrize("stays", [True, False])
def test_of_two_addresses_one_is_enough(node, pair, stays):
    both = [end(number, f"10.0.0.{number}", f"10.0.0.1{number}") for number in (1, 2)]
    for number in (1, 2):
        node.sh(
            f"sysctl -qw net.ipv4.conf.all.promote_secondaries=1; ip -n ns{number} route add 10.0.0.0/24 dev eth0 metric 9"
        )
    with Traffic([both], tcp=False) as traffic:
        if stays:
            for number in (1, 2):
                node.sh(f"ip -n ns{number} address add 10.0.0.1{number}/32 dev eth0")
        time.sleep(2)  # who was asked for an address in vain asks again after a second
        for number in (1, 2):
            node.sh(f"ip -n ns{number} address del 10.0.0.{number}/24 dev eth0")
        time.sleep(0.3)
        result = traffic.stop()
    assert (result.lost == 0) == stays and result.sent + 2 * result.left_out > 4000, result.text()


def test_a_sender_that_was_stopped_says_so_and_has_lost_nothing(pair):
    with Traffic([pair]) as traffic:
        (program,) = traffic._agents.values()
        time.sleep(0.2)
        program.send_signal(19)  # SIGSTOP
        time.sleep(0.3)
        program.send_signal(18)
        time.sleep(0.2)
        result = traffic.stop()
    # a busy machine stops it for longer
    assert result.left_out >= 240 and len(result.behind) >= 1
    assert result.lost == 0, result.text()


def test_what_never_answers_is_no_traffic(node, pair, monkeypatch):
    monkeypatch.setattr("loss.SECONDS", 1)
    node.sh("ip link set h2 down")
    with pytest.raises(AssertionError, match="nothing comes through"), Traffic([pair]):
        pass
