# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public key of a private one (X25519, RFC 7748), for nodes without a library of cryptography: some milliseconds each.

How long it takes depends on the key. A node computes that of its own key once in a run, and nobody measures it from outside.
"""

from __future__ import annotations

PRIME = (1 << 255) - 19
A24 = 121665
BASE = 9


def clamped(key: bytes) -> bytes:
    """Return a private key with the bits set that X25519 sets anyway: so the kernel keeps it."""
    return bytes([key[0] & 248, *key[1:31], key[31] & 127 | 64])


def public_of(private: bytes) -> bytes:
    """Return the public key of a private one, 32 bytes each."""
    scalar = int.from_bytes(clamped(private), "little")
    return _multiplied(scalar, BASE).to_bytes(32, "little")


def _multiplied(scalar: int, point: int) -> int:
    """Return the u-coordinate of ``scalar`` times the point with the u-coordinate ``point`` (RFC 7748, 5: the ladder)."""
    x2, z2, x3, z3 = 1, 0, point, 1
    for bit in range(254, -1, -1):
        swap = scalar >> bit & 1
        if swap:
            x2, x3, z2, z3 = x3, x2, z3, z2
        plus, minus = x2 + z2, x2 - z2
        plus2, minus2 = plus * plus % PRIME, minus * minus % PRIME
        difference = plus2 - minus2
        cross, other = (x3 - z3) * plus % PRIME, (x3 + z3) * minus % PRIME
        x3, z3 = (cross + other) ** 2 % PRIME, point * (cross - other) ** 2 % PRIME
        x2, z2 = plus2 * minus2 % PRIME, difference * (plus2 + A24 * difference) % PRIME
        if swap:
            x2, x3, z2, z3 = x3, x2, z3, z2
    return x2 * pow(z2, PRIME - 2, PRIME) % PRIME
