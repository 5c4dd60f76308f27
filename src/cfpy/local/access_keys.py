"""The key of the local stand-in for Cloudflare Access: RS256, in plain Python.

It signs for one run on one machine, and programs that can read its memory need no token. So speed
and constant time do not matter, and cfpy needs no cryptography package. RFC 8017, section 8.2.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import secrets
from collections.abc import Mapping
from typing import Any

_BITS = 2048
_EXPONENT = 65_537
# DER of the algorithm SHA-256, before its digest: RFC 8017, section 9.2, note 1.
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
_SMALL_PRIMES = math.prod(n for n in range(3, 2_000, 2) if all(n % d for d in range(3, 45, 2)))


class SigningKey:
    """An RSA key, which exists in the memory of this process only."""

    def __init__(self) -> None:
        p, q = _prime(), _prime()
        self._modulus = p * q
        self._private = pow(_EXPONENT, -1, math.lcm(p - 1, q - 1))
        self.id = secrets.token_hex(32)

    @property
    def public(self) -> dict[str, str]:
        """The public key as a JSON Web Key (RFC 7517)."""
        n, e = self._modulus, _EXPONENT
        numbers = {name: encoded(_bytes(value)) for name, value in (("n", n), ("e", e))}
        return {"kid": self.id, "kty": "RSA", "alg": "RS256", "use": "sig", **numbers}

    def token(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A signed JWT; ``header`` replaces parts of its header."""
        head = {"alg": "RS256", "kid": self.id, "typ": "JWT", **header}
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (head, dict(claims)))
        return f"{signed}.{encoded(self._signature(signed.encode()))}"

    def _signature(self, message: bytes) -> bytes:
        size = _BITS // 8
        digest = _SHA256 + hashlib.sha256(message).digest()
        padding = b"\xff" * (size - len(digest) - 3)
        padded = int.from_bytes(b"\x00\x01" + padding + b"\x00" + digest)
        return pow(padded, self._private, self._modulus).to_bytes(size)


def encoded(data: bytes) -> str:
    """Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _prime() -> int:
    """A prime of half the bits; the top two are set, so that the product has all of them."""
    bits = _BITS // 2
    while True:
        candidate = secrets.randbits(bits) | (3 << (bits - 2)) | 1
        # Of random numbers of this size, practically none but a prime passes Fermat's test below.
        if math.gcd(candidate, _SMALL_PRIMES) > 1 or candidate % _EXPONENT == 1:
            continue
        if pow(2, candidate - 1, candidate) == 1:
            return candidate
