# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WireGuard's keys, derived from one secret: every public key is known from the inventory alone. Pure Python.

HKDF with SHA-256 (RFC 5869) gives 32 bytes for each node and epoch, which are a private key of X25519 (RFC 7748), and 32
bytes for each pair of nodes, which are a preshared key. The next epoch has other keys of all nodes. Keys are base64 text, as
wg(8) reads and writes them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import resource
from typing import Any, Dict, List

HASH = hashlib.sha256
# what else is derived from the same secret has another salt
SALT = b"nodenet.fabric wireguard"
KEY_BYTES = 32
# openssl rand -base64 32 prints 44
SECRET_MIN = 32
# lists of arrange -> the option of their entries that holds a secret where they are a module's own, which does not log it
SECRETS = {"wireguard": "private_key", "wireguard_peer": "preshared_key"}


class KeyFault(ValueError):
    """No key can be derived; the text says why, and nothing of the secret."""


def private_key(secret: str, node: str, epoch: int) -> str:
    """Return the private key of ``node`` in ``epoch``, as wg(8) prints it: with the bits set that X25519 sets anyway.

    :raises KeyFault: the secret is too short.
    """
    key = bytearray(_derived(secret, "private key", node, str(epoch)))
    key[0] &= 248  # RFC 7748, 5: decodeScalar25519
    key[31] = key[31] & 127 | 64
    return base64.b64encode(key).decode()


def public_key(private: str) -> str:
    """Return the public key of a private one.

    :raises KeyFault: the library cryptography is missing on this controller.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey  # noqa: PLC0415 - see KeyFault
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415
    except ImportError as failure:
        raise KeyFault(
            "WireGuard's keys need the Python library cryptography on the controller, for the Python that runs Ansible"
            f" ({failure}): install python3-cryptography, or cryptography with pip"
        ) from failure
    found = X25519PrivateKey.from_private_bytes(base64.b64decode(private)).public_key()
    return base64.b64encode(found.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def preshared_key(secret: str, one: str, other: str, epoch: int) -> str:
    """Return the preshared key of two nodes in ``epoch``; their order makes no difference.

    :raises KeyFault: the secret is too short.
    """
    return base64.b64encode(_derived(secret, "preshared key", *sorted((one, other)), str(epoch))).decode()


def _derived(secret, *words):
    if len(secret) < SECRET_MIN:
        raise KeyFault(
            f"has {len(secret)} characters, and all keys are derived from it: it needs {SECRET_MIN} or more that nobody can"
            " guess (openssl rand -base64 32 prints such a secret)"
        )
    without_core_dumps()
    # each word behind its length: no other words give the same bytes
    info = b"".join(len(word).to_bytes(4, "big") + word for word in (text.encode() for text in words))
    return expanded(extracted(SALT, secret.encode()), info, KEY_BYTES)


def extracted(salt: bytes, material: bytes) -> bytes:
    """Return the pseudorandom key of RFC 5869, 2.2."""
    return hmac.new(salt or bytes(HASH().digest_size), material, HASH).digest()


def expanded(key: bytes, info: bytes, length: int) -> bytes:
    """Return ``length`` bytes of output keying material (RFC 5869, 2.3)."""
    found, block, number = b"", b"", 0
    while len(found) < length:
        number += 1
        block = hmac.new(key, block + info + bytes([number]), HASH).digest()
        found += block
    return found[:length]


def misplaced(arguments: Dict[str, Any], place: str = "") -> List[str]:
    """Return where in the arguments of arrange a secret is that would be logged: its place is the option keys."""
    found = []
    for name, secret in SECRETS.items():
        entries = arguments.get(name)
        for number, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict) and entry.get(secret):
                found.append(f"{place}{name}[{number}].{secret}")
    sets = arguments.get("sets")
    for number, one in enumerate(sets if isinstance(sets, list) and not place else ()):
        found += misplaced(one, f"sets[{number}].") if isinstance(one, dict) else []
    return found


def without_core_dumps() -> None:
    """Have the kernel write no core file of this process, which holds a secret (core(5))."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
