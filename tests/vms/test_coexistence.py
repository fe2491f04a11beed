# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other network managers on a node, one at a time, with and without their configuration by ``prepare``."""

import re

import pytest
from conftest import ROOT, Site

NODES = ("vm1", "vm2")
WITHOUT = ("-e", '{"prepare_coexist_with": []}')
OFF = """
systemctl disable --now firewalld NetworkManager docker docker.socket containerd
iptables -P FORWARD ACCEPT
nft flush ruleset
systemctl restart nodenet-underlay
"""
# what is no manager's, and a name by which nothing remains
AWAY = """
systemctl stop networking
rm -f /etc/systemd/system/networking.service
systemctl daemon-reload
ip link del docker0
"""


@pytest.fixture(scope="module", autouse=True)
def stopped(fleet):
    """All of these managers are installed on the machines and do not run, before and afterwards."""
    fleet.each(lambda name: fleet.ssh(name, OFF, check=False, timeout=600), NODES)
    yield
    fleet.each(lambda name: fleet.ssh(name, OFF + AWAY, check=False, timeout=600), NODES)


def on_all(fleet, script):
    return fleet.each(lambda name: fleet.ssh(name, script).stdout, NODES)


def site_without(fleet, one):
    """Make the fabric without the configuration of other managers; return what is printed.

    The unit that ``site`` starts looks for what is missing a moment later: that moment is over then.
    """
    printed = one.play("site", *WITHOUT)
    on_all(fleet, "systemctl start nodenet-fabric")
    return printed


def reaches(fleet, tries=3):
    """Say whether an endpoint of vm1 reaches one of vm2: in a second, where verify takes half a minute.

    :param tries: more after a restart, which a unit repairs a moment later.
    """
    ping = "ip netns exec ns245 ping -c 1 -W 2 172.246.0.2"
    script = f"for time in $(seq {tries}); do {ping} && exit 0; sleep 0.5; done; exit 1"
    return fleet.ssh("vm1", script, check=False).returncode == 0


def files(fleet):
    """Return the paths of our files among the machines' settings."""
    ours = "-name '*nodenet-fabric*' -o -path '/etc/firewalld/*nodenet*' -o -path '/etc/nodenet/*'"
    return "".join(on_all(fleet, f"find /etc /usr/local/sbin {ours}").values())


@pytest.fixture
def example(fleet, tmp_path):
    """Return a function that makes the machines the nodes of an example; afterwards they are clean."""
    made = []

    def make(name, change=lambda text: text):
        inventory = tmp_path / f"{name}.yml"
        text = (ROOT / "examples" / name / "hosts.yml").read_text(encoding="utf-8")
        inventory.write_text(change(text), encoding="utf-8")
        made.append(Site(fleet, inventory))
        return made[-1]

    yield make
    for one in made:
        if not one.is_down:
            one.play("teardown")
    assert files(fleet) == ""


def passes_only_if_configured(fleet, one, sentence, reload):
    """Without its configuration the firewall stops the fabric; ``site`` configures it and prints ``sentence``.

    :param reload: the command after which the rules must be there again.
    """
    site_without(fleet, one)
    assert not reaches(fleet)
    assert sentence in one.play("site")
    assert "12 of 12 pairs answer" in one.play("verify")
    on_all(fleet, reload)
    assert reaches(fleet, 20)
    one.play("teardown")


def test_docker_forwards_for_the_fabric_only_if_it_is_configured(fleet, example):
    # Docker sets the policy only when it turns forwarding on itself
    on_all(fleet, "sysctl -qw net.ipv4.ip_forward=0; systemctl start docker")
    try:
        passes_only_if_configured(
            fleet, example("host-gw"), "docker drops forwarded packets", "systemctl restart docker"
        )
        assert "nodenet" not in "".join(on_all(fleet, "iptables -S").values())
    finally:
        on_all(fleet, "systemctl stop docker docker.socket; iptables -P FORWARD ACCEPT; nft flush ruleset")


def test_firewalld_accepts_the_fabric_and_its_tunnels_only_if_it_is_configured(fleet, example):
    on_all(fleet, "systemctl start firewalld")
    try:
        sentence = "firewalld rejects packets forwarded between zones"
        passes_only_if_configured(fleet, example("vxlan"), sentence, "firewall-cmd --reload")
        zones = on_all(fleet, "firewall-cmd --get-zones; firewall-cmd --get-policies")
        assert "nodenet" not in "".join(zones.values())
    finally:
        on_all(fleet, "systemctl stop firewalld")


def test_ufw_accepts_the_fabric_and_its_tunnels_only_if_it_is_configured(fleet, example):
    # its default rules, and SSH
    on_all(fleet, "ufw allow 22/tcp && ufw --force enable")
    try:
        passes_only_if_configured(fleet, example("vxlan"), "ufw drops forwarded packets", "ufw reload")
        assert "nodenet" not in "".join(on_all(fleet, "ufw status").values())
    finally:
        on_all(fleet, "ufw --force disable; nft flush ruleset")


# a file of others that is read before ours
OTHERS = "/etc/sysctl.d/60-other.conf"
POLICY = "nft 'add table ip other; add chain ip other pass { type filter hook forward priority 0; policy drop; }'"


def test_a_sysctl_file_of_others_is_overruled_and_a_policy_of_drop_is_reported(fleet, example):
    on_all(fleet, f"echo net.ipv4.ip_forward=0 >{OTHERS}")
    try:
        one = example("host-gw")
        assert f"{OTHERS} sets net.ipv4.ip_forward" in site_without(fleet, one)
        on_all(fleet, "sysctl --system")
        assert not reaches(fleet)
        assert "sysctl turns forwarding off" in one.play("site")
        on_all(fleet, "sysctl --system")
        assert "12 of 12 pairs answer" in one.play("verify")

        restored_after_others_start(fleet)
        on_all(fleet, POLICY)
        printed = " ".join(one.play("site").split())  # Ansible wraps the lines
        assert "the chain ip other pass of this node" in printed
        assert not reaches(fleet)
    finally:
        on_all(fleet, f"rm -f {OTHERS}; systemctl stop nftables; nft flush ruleset")


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
STARTS = ("start networking", "restart networking", "start nftables", "reload nftables", "restart nftables")
BY_HAND = f"grep -q 'flush ruleset' /etc/nftables.conf && nft -f /etc/nftables.conf; sleep 5; ! {NAT}"


def restored_after_others_start(fleet):
    """Units of others remove routes and NAT rules in each way that they can; by hand, nothing restores them."""
    fleet.ssh("vm1", f"{NETWORKING}{BY_HAND}")
    for command in STARTS:
        fleet.ssh("vm1", f"systemctl {command}; {BACK}")
    fleet.ssh("vm1", "nodenet-fabric diff")


# networkd examines the present routes when it starts
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


def test_networkd_keeps_foreign_routes_only_if_it_is_configured(fleet, example):
    one = example("host-gw")
    on_all(fleet, NETWORKD)
    try:
        site_without(fleet, one)
        assert reaches(fleet, 20)
        on_all(fleet, RESTART)
        assert "172.246.0.0/24" not in fleet.output("vm1", "ip route")
        assert not reaches(fleet)
        # and a .network file that matches every interface but SSH's takes the bridge over
        on_all(fleet, "printf '[Match]\\nName=!mgmt0\\n[Network]\\nDHCP=yes\\n' >/etc/systemd/network/90-any.network")
        on_all(fleet, "networkctl reload; sleep 2")
        assert "unmanaged" not in fleet.output("vm1", "networkctl list fabric0 --no-legend")

        one.play("site")
        assert "unmanaged" in fleet.output("vm1", "networkctl list fabric0 --no-legend")
        assert reaches(fleet, 20)
        on_all(fleet, RESTART)
        assert "172.246.0.0/24" in fleet.output("vm1", "ip route")
        assert "12 of 12 pairs answer" in one.play("verify")
    finally:
        on_all(
            fleet,
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

# NetworkManager answers before it has released the interface
RELEASED = (
    "for time in $(seq 50); do nmcli -t -f DEVICE,STATE device | grep -q '^fabric0:.*ing' || break; sleep 0.2; done"
)


def test_networkmanager_leaves_the_fabric_unmanaged_only_if_it_is_configured(fleet, example):
    one = example("host-gw")
    on_all(fleet, NETWORKMANAGER)
    state = "nmcli -t -f DEVICE,STATE device"
    try:
        site_without(fleet, one)
        assert "fabric0:connected (externally)" in fleet.output("vm1", state)
        # a connection that somebody adds takes the bridge, and its address, over
        add = "nmcli connection add type bridge ifname fabric0 con-name taken ipv4.method disabled ipv6.method disabled"
        fleet.ssh("vm1", f"{add} && nmcli connection up taken")
        assert "172.245.0.1" not in fleet.output("vm1", "ip address show dev fabric0")
        fleet.ssh("vm1", f"nmcli connection delete taken; {RELEASED}", check=False)

        one.play("site")
        assert "fabric0:unmanaged" in fleet.output("vm1", state)
        fleet.ssh("vm1", f"{add} && ! nmcli -w 5 connection up taken; nmcli connection delete taken")
        on_all(fleet, "systemctl restart NetworkManager; nm-online -q -t 60")
        assert "12 of 12 pairs answer" in one.play("verify")
    finally:
        on_all(
            fleet,
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
# a file's pattern for all interfaces applies to each new one (udev), and whenever the files are applied again
STRICT, APPLY = "/etc/sysctl.d/50-strict.conf", "/lib/systemd/systemd-sysctl"
ECHOES = "ip netns exec ns245 nstat -asz IcmpInEchos | awk '/^IcmpInEchos/ {print $2}'"


def test_udev_and_a_strict_reverse_path_filter_spare_the_fabric_only_if_they_are_configured(fleet, example):
    def arrives():
        # from the node's own address: the reply does not leave by the tunnel
        before = int(fleet.output("vm1", ECHOES))
        fleet.ssh("vm2", "ping -c 1 -W 2 -I 192.168.33.246 172.245.0.2", check=False)
        return int(fleet.output("vm1", ECHOES)) > before

    on_all(fleet, "sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1")
    try:
        # without host_interface the files have a pattern, which another interface tries here
        one = example("ipip", lambda text: re.sub(", host_interface: veth[0-9]+", "", text))
        site_without(fleet, one)
        assert set(on_all(fleet, TWICE).values()) == {"1\n"}
        assert arrives()  # a new tunnel is loose
        on_all(fleet, f"echo 'net.ipv4.conf.*.rp_filter = 1' >{STRICT}; {APPLY}")
        assert not arrives()
        one.play("site")
        assert set(on_all(fleet, TWICE).values()) == {"2\n"}
        on_all(fleet, APPLY)
        assert arrives()
        assert "12 of 12 pairs answer" in one.play("verify")
        one.play("teardown")
        assert set(on_all(fleet, TWICE).values()) == {"1\n"}
    finally:
        on_all(fleet, f"echo 'net.ipv4.conf.*.rp_filter = 0' >{STRICT}; {APPLY}; rm {STRICT}")
