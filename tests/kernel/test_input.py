# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users write is a name, an address or a number, and never syntax: it is refused by option, or is in the kernel as it is.

Every text option of every module is tried, by the modules' own argument specs: a new option is in here by itself.
"""

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError, InputError
from ansible_collections.nodenet.fabric.plugins.module_utils.node.requirements import missing_features
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.registry import SPECS
from ansible_collections.nodenet.fabric.plugins.modules import fabric_info
from engines import docker, engines  # noqa: F401 pylint: disable=unused-import

# what the node has for options to name, and one object of each module that can be made there
SETTING = {
    "netns": {"name": "red"},
    "bridge": {"name": "br0", "mac": "02:00:00:00:00:09"},
    "veth": {"name": "v0", "peer": {"name": "v1"}},
    "vxlan": {"name": "vx0", "vni": 7},
}
KEYS = {"private_key": "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo="}  # RFC 7748, 6.1: Alice's, and Bob's public one
BOB = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08="
# what not every kernel has
LACKING = {"wireguard", "wireguard_peer"} if missing_features(["wireguard"]) else set()
if not LACKING:
    SETTING["wireguard"] = {"name": "wg0", **KEYS}
OBJECTS = {
    "netns": {"name": "blue"},
    "bridge": {"name": "br1", "mac": "02:00:00:00:00:01"},
    "veth": {"name": "v2", "master": "br0", "mac": "02:00:00:00:00:02", "peer": {"name": "v3", "netns": "red"}},
    "vxlan": {"name": "vx1", "vni": 8, "local": "192.0.2.1", "dev": "br0", "mac": "02:00:00:00:00:03"},
    "ipip_tunnel": {"name": "ip1", "local": "192.0.2.1", "remote": "192.0.2.2", "dev": "br0"},
    "wireguard": {"name": "wg1", **KEYS},
    "wireguard_peer": {"public_key": BOB, "dev": "wg0", "endpoint": "192.0.2.2:1", "allowed_ips": ["10.9.0.0/24"]},
    "bridge_port": {"name": "v0", "bridge": "br0"},
    "address": {"address": "192.0.2.9/24", "dev": "br0"},
    "neighbor": {"address": "192.0.2.2", "dev": "br0", "mac": "02:00:00:00:00:04"},
    "vxlan_fdb": {"mac": "02:00:00:00:00:05", "dev": "vx0", "dst": "192.0.2.2"},
    "proxy_arp": {"interface": "br0", "family": "ipv6", "addresses": ["fd00::1"]},
    "route": {"prefix": "10.9.0.0/24", "dev": "br0", "via": "192.0.2.2", "onlink": True, "src": "192.0.2.1"},
    # turned on it would stay on
    "forwarding": {"family": "ipv4", "interface": "br0", "enabled": False},
    "masquerade": {"source": "10.8.0.0/24", "exclude": ["10.8.0.0/16"], "out_interface": "br0"},
    "port_forward": {
        "port": "80",
        "to": "10.8.0.2",
        "to_port": "81",
        "address": "192.0.2.1",
        "hairpin": ["10.8.0.0/24"],
    },
    "container_network": {
        "engine": "cni",
        "name": "n",
        "bridge": "br0",
        "mtu": 1400,
        "subnets": [{"subnet": "10.8.0.0/24", "gateway": "10.8.0.1", "range": "10.8.0.128/25"}],
        "trusted_interfaces": ["br0"],
        "trusted_addresses": ["192.0.2.1"],
    },
    "guard": {
        "name": "guard",
        "endpoints": [{"interface": "v0", "mac": "02:00:00:00:00:0a", "addresses": ["10.8.0.2"], "bridge": "br0"}],
        "bridge": {"name": "br0", "addresses": ["10.8.0.1"], "subnets": ["10.8.0.0/24"]},
        "interfaces": ["br0"],
        "tunnel_ports": [8472],
        "peers": ["192.0.2.1"],
        "tunnels": ["vx0"],
        "subnets": ["10.8.0.0/24"],
        "direct": ["10.7.0.0/24"],
        "expose": ["198.51.100.7"],
    },
    "policy": {
        "name": "policy",
        "groups": [{"name": "web", "addresses": ["10.8.0.2"]}, {"name": "db", "addresses": ["10.8.0.3"]}],
        "rules": [{"from": "web", "to": "db", "protocol": "tcp", "port": "5432"}],
        "bridge": False,  # not every kernel has nf_conntrack_bridge
    },
    "config_file": {"path": "/etc/netns/red/hosts", "content": "x", "mode": "0600"},
}
# what an option needs beside it
BESIDE = {("netns", ("container", "name")): {"container": {"engine": "docker"}}}
# a number, what a kernel, nft, a shell, glob(7), XML or a unit file reads as something else, and what is nearly an address
TEXTS = [
    "1",
    "büro",
    "a.b",
    "x y",
    "x\n",
    "x\0y",
    "\x1b[2J",
    "a%d",
    "*",
    "x*",
    "[a-z]*",
    "a?",
    "@x",
    "eth\\",
    'a"b',
    'x"accept#',
    "a'b",
    "{x}",
    "$(id)",
    "`id`",
    ";x",
    "a|b",
    "a&b",
    "<x>",
    "#x",
    "!x",
    "-x",
    "--help",
    "../x",
    "/",
    "/proc/1/environ",
    ".",
    "..",
    "",
    "lo",
    "all",
    "default",
    "tunl0",
    "x" * 300,
    "١",
    "٣",
    "\udc80",
    "0.0.0.0",
    "127.0.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "ff02::1",
    "::ffff:192.0.2.7",
    "::192.0.2.7",
    "fe80::1%br0",
    "0.0.0.0/0",
    "0.0.0.0/32",
    "224.0.0.1/32",
    "ff02::1/128",
    "::/128",
    "127.0.0.0/8",
    "::ffff:192.0.2.0/120",
    "::192.0.2.0/120",
    "fe80::1%br0/64",
    "192.0.2.7/24",
    "192.0.2.07",
    "192.0.2.7;",
    "02:00:00:00:00:0a\n",
    "9" * 5000,
]


def text_options(spec, path=()):
    """Yield the path of each text option of an argument spec."""
    for name, option in spec.items():
        if option.get("options"):
            if option["type"] == "dict":
                yield from text_options(option["options"], (*path, name))
        elif "choices" not in option and "str" in (option["type"], option.get("elements")):
            yield (*path, name)


EVERY = [
    (module, path)
    for module, spec in SPECS.items()
    if module not in LACKING
    for path in text_options({**spec.options, **({"netns": {"type": "str"}} if spec.netns else {})})
]


def with_text(options, path, text):
    """Return ``options`` with ``text`` for the option at ``path``; a list holds it alone."""
    name, *rest = path
    old = options.get(name)
    new = with_text(old or {}, rest, text) if rest else [text] if isinstance(old, list) else text
    return {**options, name: new}


def test_every_module_has_an_object_here():
    assert OBJECTS.keys() == SPECS.keys()


@pytest.fixture
def setting(node, own_etc):
    node.sh("sysctl -qw net.ipv6.conf.default.addr_gen_mode=1")
    for module, options in SETTING.items():
        node.task(module, **options)
    return node


def state():
    """Return all that the node has, as the engine reads it, in an order of its own."""
    found = fabric_info.perform({"netns": None, "ours": False, "promised": []})["objects"]
    return {kind: sorted(map(repr, entries)) for kind, entries in found.items()}


def names():
    """Return the names of the namespaces and interfaces that the node has."""
    found = fabric_info.perform({"netns": None, "ours": False, "promised": []})["objects"]
    return {entry["netns"] for entry in found["netns"]} | {entry["key"][0] for entry in found["link"]}


def tried(node, module, options, text, before, named):
    """Run a module with ``text`` somewhere in its options; return why it was refused, or None: it is there, and is gone again."""
    try:
        node.task(module, **options)
    except InputError as refused:
        return refused
    except FabricError as refused:
        # the kernel's own no, to what another kernel or another object may take
        assert "did not keep" not in str(refused) and "not be undone" not in str(refused), (text, str(refused))
        assert state() == before, (text, str(refused))
        return refused
    added = names() - named
    assert added <= {text, *map(str, options.values()), str(options.get("peer", {}).get("name"))}, (text, added)
    assert not node.task(module, **options)["changed"], text
    node.task(module, **options, state="absent")
    assert state() == before, text
    return None


@pytest.mark.parametrize(("module", "path"), EVERY, ids=[f"{module}-{'.'.join(path)}" for module, path in EVERY])
def test_a_text_is_refused_by_its_option_or_is_in_the_kernel_as_it_is(setting, module, path, request):
    beside = BESIDE.get((module, path), {})
    if "container" in beside:
        request.getfixturevalue("docker")
    before, named = state(), names()
    for text in TEXTS:
        refused = tried(setting, module, with_text({**OBJECTS[module], **beside}, path, text), text, before, named)
        if isinstance(refused, InputError):
            assert path[-1] in refused.option or path[-1] in refused.problem, (text, str(refused))
            assert str(refused).isprintable(), text
    assert state() == before
