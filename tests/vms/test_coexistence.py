# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else acts on a node's network, one at a time, with and without what ``prepare`` sets against it."""

import re

import pytest
from conftest import ROOT, Site
from fleet import Fleet

NODES = ("vm1", "vm2")
WITHOUT = ("-e", '{"prepare_coexist_with": []}')
OFF = """
systemctl disable --now firewalld NetworkManager docker docker.socket containerd
iptables -P FORWARD ACCEPT
nft flush ruleset
systemctl restart nodenet-underlay
"""


@pytest.fixture(scope="module")
def beside():
    """Return two machines that have them all, switched off."""
    fleet = Fleet("coexist", 2, extra=("firewalld", "networkmanager", "docker", "ufw"))
    fleet.up()
    fleet.each(lambda name: fleet.ssh(name, OFF, check=False), fleet.machines)
    yield fleet
    fleet.down()


def on_all(fleet, script):
    return fleet.each(lambda name: fleet.ssh(name, script).stdout, NODES)


def reaches(fleet, tries=3):
    """Say whether an endpoint of vm1 reaches one of vm2: a second, where all of verify takes half a minute.

    :param tries: more for what a unit mends a moment after another was restarted.
    """
    ping = "ip netns exec ns245 ping -c 1 -W 2 172.246.0.2"
    script = f"for time in $(seq {tries}); do {ping} && exit 0; sleep 0.5; done; exit 1"
    return fleet.ssh("vm1", script, check=False).returncode == 0


def files(fleet):
    """Return what of ours is among the machines' settings."""
    ours = "-name '*nodenet-fabric*' -o -path '/etc/firewalld/*nodenet*' -o -path '/etc/nodenet/*'"
    return "".join(on_all(fleet, f"find /etc /usr/local/sbin {ours}").values())


@pytest.fixture
def example(beside, tmp_path):
    """Return a function that makes the machines the nodes of an example; afterwards nothing of it is left."""
    made = []

    def make(name, change=lambda text: text):
        inventory = tmp_path / f"{name}.yml"
        text = (ROOT / "examples" / name / "hosts.yml").read_text(encoding="utf-8")
        inventory.write_text(change(text), encoding="utf-8")
        made.append(Site(beside, inventory))
        return made[-1]

    yield make
    for one in made:
        if not one.is_down:
            one.play("teardown")
    assert files(beside) == ""


def test_docker_forwards_for_the_fabric_only_when_it_is_told(beside, example):
    # it sets the policy where it is the one who switches forwarding on
    on_all(beside, "sysctl -qw net.ipv4.ip_forward=0; systemctl start docker")
    try:
        one = example("host-gw")
        one.play("site", *WITHOUT)
        assert not reaches(beside)
        assert "docker drops what is forwarded" in one.play("site")
        assert "12 of 12 pairs answer" in one.play("verify")
        on_all(beside, "systemctl restart docker")
        assert reaches(beside, 20)
        one.play("teardown")
        assert "nodenet" not in "".join(on_all(beside, "iptables -S").values())
    finally:
        on_all(beside, "systemctl stop docker docker.socket; iptables -P FORWARD ACCEPT; nft flush ruleset")


def test_firewalld_lets_the_fabric_and_its_tunnels_pass_only_when_it_is_told(beside, example):
    on_all(beside, "systemctl start firewalld")
    try:
        one = example("vxlan")
        one.play("site", *WITHOUT)
        assert not reaches(beside)
        assert "firewalld rejects what is forwarded" in one.play("site")
        assert "12 of 12 pairs answer" in one.play("verify")
        on_all(beside, "firewall-cmd --reload")
        assert reaches(beside, 20)
        one.play("teardown")
        assert "nodenet" not in "".join(
            on_all(beside, "firewall-cmd --get-zones; firewall-cmd --get-policies").values()
        )
    finally:
        on_all(beside, "systemctl stop firewalld")


# as it comes, but for the way in
UFW = "ufw allow 22/tcp && ufw --force enable"


def test_ufw_lets_the_fabric_and_its_tunnels_pass_only_when_it_is_told(beside, example):
    on_all(beside, UFW)
    try:
        one = example("vxlan")
        one.play("site", *WITHOUT)
        assert not reaches(beside)
        assert "ufw drops what is forwarded" in one.play("site")
        assert "12 of 12 pairs answer" in one.play("verify")
        on_all(beside, "ufw reload")
        assert reaches(beside, 20)
        one.play("teardown")
        assert "nodenet" not in "".join(on_all(beside, "ufw status").values())
    finally:
        on_all(beside, "ufw --force disable; nft flush ruleset")


# a file that is read when others are, before ours
OTHERS = "/etc/sysctl.d/60-other.conf"
POLICY = "nft 'add table ip other; add chain ip other pass { type filter hook forward priority 0; policy drop; }'"


def test_settings_of_others_are_overruled_and_a_policy_of_drop_is_named(beside, example):
    on_all(beside, f"echo net.ipv4.ip_forward=0 >{OTHERS}")
    try:
        one = example("host-gw")
        assert f"{OTHERS} sets net.ipv4.ip_forward" in one.play("site", *WITHOUT)
        on_all(beside, "sysctl --system")
        assert not reaches(beside)
        assert "sysctl turns forwarding off again" in one.play("site")
        on_all(beside, "sysctl --system")
        assert "12 of 12 pairs answer" in one.play("verify")

        restored_after_others_start(beside)
        on_all(beside, POLICY)
        told = " ".join(one.play("site").split())  # as Ansible wraps it
        assert "the chain ip other pass of this node" in told
        assert not reaches(beside)
    finally:
        on_all(beside, f"rm -f {OTHERS}; systemctl stop nftables; nft flush ruleset")


NAT, ROUTE = "nft list table inet nodenet_fabric | grep -q masquerade", "ip route | grep -q 172.246.0.0/24"
BACK = f"for time in $(seq 80); do {NAT} && {ROUTE} && exit 0; sleep 0.5; done; exit 1"
# what ifupdown's unit does to the uplink
NETWORKING = """
cat >/etc/systemd/system/networking.service <<END
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -e /etc/nodenet-underlay
ExecStop=/bin/ip address flush dev eth0
END
systemctl daemon-reload
"""
WAYS = ("start networking", "restart networking", "start nftables", "reload nftables", "restart nftables")
BY_HAND = f"grep -q 'flush ruleset' /etc/nftables.conf && nft -f /etc/nftables.conf; sleep 5; ! {NAT}"


def restored_after_others_start(fleet):
    """Have units of others take routes and NAT rules away in each way that they know; by hand, nothing brings them back."""
    fleet.ssh("vm1", f"{NETWORKING}{BY_HAND}")
    for way in WAYS:
        fleet.ssh("vm1", f"systemctl {way}; {BACK}")
    fleet.ssh("vm1", "nodenet-fabric diff")


# it looks through the routes that are there when it starts
RESTART = "systemctl restart systemd-networkd; /lib/systemd/systemd-networkd-wait-online --interface=eth0 --timeout=60"
NETWORKD = """
cat >/etc/systemd/network/50-eth0.network <<END
[Match]
Name=eth0
[Network]
Address=$(ip -o -4 address show dev eth0 | awk '{print $4}')
END
systemctl start systemd-networkd
/lib/systemd/systemd-networkd-wait-online --interface=eth0 --timeout=60
"""


def test_networkd_keeps_the_routes_that_it_did_not_make_only_when_it_is_told(beside, example):
    one = example("host-gw")
    on_all(beside, NETWORKD)
    try:
        one.play("site", *WITHOUT)
        assert reaches(beside, 20)
        on_all(beside, RESTART)
        assert "172.246.0.0/24" not in beside.output("vm1", "ip route")
        assert not reaches(beside)
        # and a network that matches whatever there is, but the way in for SSH, takes the bridge over
        on_all(beside, "printf '[Match]\\nName=!mgmt0\\n[Network]\\nDHCP=yes\\n' >/etc/systemd/network/90-any.network")
        on_all(beside, "networkctl reload; sleep 2")
        assert "unmanaged" not in beside.output("vm1", "networkctl list fabric0 --no-legend")

        one.play("site")
        assert "unmanaged" in beside.output("vm1", "networkctl list fabric0 --no-legend")
        assert reaches(beside, 20)
        on_all(beside, RESTART)
        assert "172.246.0.0/24" in beside.output("vm1", "ip route")
        assert "12 of 12 pairs answer" in one.play("verify")
    finally:
        on_all(
            beside,
            "systemctl stop systemd-networkd systemd-networkd.socket; rm -f /etc/systemd/network/*.network;"
            " systemctl restart nodenet-underlay",
        )


NETWORKMANAGER = """
address=$(ip -o -4 address show dev eth0 | awk '{print $4}')
gateway=$(ip route show default | awk '{print $3}')
install -m 0600 /dev/stdin /etc/NetworkManager/system-connections/eth0.nmconnection <<END
[connection]
id=eth0
type=ethernet
interface-name=eth0
[ipv4]
method=manual
address1=$address,$gateway
[ipv6]
method=link-local
END
systemctl start NetworkManager
nm-online -q -t 60
"""

# what NetworkManager does with an interface that it lets go of it does after its answer
SETTLED = (
    "for time in $(seq 50); do nmcli -t -f DEVICE,STATE device | grep -q '^fabric0:.*ing' || break; sleep 0.2; done"
)


def test_networkmanager_leaves_the_fabric_unmanaged_only_when_it_is_told(beside, example):
    one = example("host-gw")
    on_all(beside, NETWORKMANAGER)
    state = "nmcli -t -f DEVICE,STATE device"
    try:
        one.play("site", *WITHOUT)
        assert "fabric0:connected (externally)" in beside.output("vm1", state)
        # a connection that somebody adds takes the bridge, and its address, over
        add = "nmcli connection add type bridge ifname fabric0 con-name taken ipv4.method disabled ipv6.method disabled"
        beside.ssh("vm1", f"{add} && nmcli connection up taken")
        assert "172.245.0.1" not in beside.output("vm1", "ip address show dev fabric0")
        beside.ssh("vm1", f"nmcli connection delete taken; {SETTLED}", check=False)

        one.play("site")
        assert "fabric0:unmanaged" in beside.output("vm1", state)
        beside.ssh("vm1", f"{add} && ! nmcli -w 5 connection up taken; nmcli connection delete taken")
        on_all(beside, "systemctl restart NetworkManager; nm-online -q -t 60")
        assert "12 of 12 pairs answer" in one.play("verify")
    finally:
        on_all(
            beside,
            "systemctl stop NetworkManager; rm -f /etc/NetworkManager/system-connections/*;"
            " systemctl restart nodenet-underlay",
        )


# MACAddressPolicy=persistent: a name has the same address each time; none: the kernel's, another each time
TWICE = """
for time in 1 2; do
  ip link add veth-try type bridge; udevadm settle
  cat /sys/class/net/veth-try/address; ip link del veth-try; udevadm settle
done | sort -u | wc -l
"""
# what a file says of all interfaces counts for each that udev sees, and whenever somebody applies the files anew
STRICT, APPLIED = "/etc/sysctl.d/50-strict.conf", "/lib/systemd/systemd-sysctl"
ASKED = "ip netns exec ns245 nstat -asz IcmpInEchos | awk '/^IcmpInEchos/ {print $2}'"


def test_udev_and_a_strict_reverse_path_filter_heed_the_fabric_only_when_they_are_told(beside, example):
    def arrives():
        # from the node's own address, to which the way back is not the tunnel
        before = int(beside.output("vm1", ASKED))
        beside.ssh("vm2", "ping -c 1 -W 2 -I 192.168.33.246 172.245.0.2", check=False)
        return int(beside.output("vm1", ASKED)) > before

    on_all(beside, "sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1")
    try:
        # where no end is named the programs are told of the pattern, which is tried with another interface
        one = example("ipip", lambda text: re.sub(", host_interface: veth[0-9]+", "", text))
        one.play("site", *WITHOUT)
        assert set(on_all(beside, TWICE).values()) == {"1\n"}
        assert arrives()  # a tunnel is made loose
        on_all(beside, f"echo 'net.ipv4.conf.*.rp_filter = 1' >{STRICT}; {APPLIED}")
        assert not arrives()
        one.play("site")
        assert set(on_all(beside, TWICE).values()) == {"2\n"}
        on_all(beside, APPLIED)
        assert arrives()
        assert "12 of 12 pairs answer" in one.play("verify")
        one.play("teardown")
        assert set(on_all(beside, TWICE).values()) == {"1\n"}
    finally:
        on_all(beside, f"echo 'net.ipv4.conf.*.rp_filter = 0' >{STRICT}; {APPLIED}; rm {STRICT}")
