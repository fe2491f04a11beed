# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WireGuard's keys are what RFC 5869, RFC 7748 and wg(8) say, and follow from the secret, the names and the epoch alone."""

import base64
import resource
import shutil
import subprocess
import sys

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils import keys

SECRET = "correct horse battery staple, and some more of it"


def text(digits):
    return base64.b64encode(bytes.fromhex(digits)).decode()


# RFC 5869, A.1 to A.3: SHA-256
EXPANSIONS = [
    (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8"
        "367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    (
        "0b" * 22,
        "",
        "",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]
# RFC 7748, 6.1: Alice's keys and Bob's
PAIRS = [
    (
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    ),
    (
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    ),
]


@pytest.mark.parametrize("material, salt, info, output", EXPANSIONS)
def test_the_derivation_is_that_of_rfc_5869(material, salt, info, output):
    key = keys.extracted(bytes.fromhex(salt), bytes.fromhex(material))
    assert keys.expanded(key, bytes.fromhex(info), len(output) // 2).hex() == output


@pytest.mark.parametrize("private, public", PAIRS)
def test_a_public_key_is_that_of_rfc_7748(private, public):
    assert keys.public_key(text(private)) == text(public)


@pytest.mark.skipif(not shutil.which("wg"), reason="wg(8) is not installed: wireguard-tools")
def test_a_public_key_is_that_of_wg():
    for node in ("vm1", "vm2", "a node of any name"):
        private = keys.private_key(SECRET, node, 1)
        found = subprocess.run(["wg", "pubkey"], input=private, capture_output=True, text=True, check=True)
        assert found.stdout.strip() == keys.public_key(private)


def test_a_private_key_is_clamped_so_that_the_kernel_returns_it_unchanged():
    for number in range(50):
        key = base64.b64decode(keys.private_key(SECRET, "vm1", number))
        assert len(key) == 32 and key[0] & 7 == 0 and key[31] & 0xC0 == 0x40


def test_every_key_follows_from_the_secret_the_names_and_the_epoch():
    assert keys.private_key(SECRET, "vm1", 1) == keys.private_key(SECRET, "vm1", 1)
    different = [
        keys.private_key(SECRET, "vm1", 1),
        keys.private_key(SECRET, "vm1", 2),
        keys.private_key(SECRET, "vm11", 1),
        keys.private_key(SECRET, "vm2", 1),
        keys.private_key(SECRET + "!", "vm1", 1),
        keys.preshared_key(SECRET, "vm1", "vm2", 1),
        keys.preshared_key(SECRET, "vm1", "vm2", 2),
        keys.preshared_key(SECRET, "vm1", "vm3", 1),
        # the same letters, parted otherwise
        keys.preshared_key(SECRET, "vm1v", "m2", 1),
    ]
    assert len(set(different)) == len(different)


def test_two_nodes_derive_the_same_preshared_key():
    assert keys.preshared_key(SECRET, "vm1", "vm2", 1) == keys.preshared_key(SECRET, "vm2", "vm1", 1)


def test_these_keys_stay_as_they_are():
    """A fabric that runs has them: another derivation would cut it."""
    assert keys.private_key(SECRET, "vm1", 1) == "AK90mxtjV9rx5KW+e+vNX8Sp6Bb5cnNAMgFAxKrUkmA="
    assert keys.preshared_key(SECRET, "vm1", "vm2", 1) == "w6npwHjT3stmZfQVkRXTI82+rP9E4itOPhz8WsUBF2I="


def test_a_short_secret_is_refused_and_not_shown():
    with pytest.raises(keys.KeyFault, match="has 8 characters.*openssl rand -base64 32") as refused:
        keys.private_key("hunter22", "vm1", 1)
    assert "hunter22" not in str(refused.value)


def test_a_missing_library_is_named(monkeypatch):
    name = "cryptography.hazmat.primitives.asymmetric.x25519"
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(keys.KeyFault, match="cryptography on the controller.*install python3-cryptography"):
        keys.public_key(text(PAIRS[0][0]))


def test_a_process_that_holds_a_secret_leaves_no_core_file():
    before = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
        keys.private_key(SECRET, "vm1", 1)
        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
