"""Names whose text must not be written anywhere."""

from __future__ import annotations

import re
from functools import cache

_NAMES = """
    password passwd passphrase pwd secret secrets token tokens api_key apikey access_key accesskey
    private_key privatekey secret_key secretkey signing_key signingkey encryption_key encryptionkey
    authorization auth_token auth cookie cookies credential credentials session_id sessionid csrf card
"""

SECRET_NAMES = tuple(tuple(name.split("_")) for name in _NAMES.split())
"""Each as the words that have to follow one another in a name."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@cache
def is_secret(name: str) -> bool:
    """Whether the words of this name, in snake, camel or kebab case, hold those of a secret."""
    words = tuple(word.lower() for word in _WORD.findall(name))
    return any(
        words[at : at + len(secret)] == secret for secret in SECRET_NAMES for at in range(len(words) - len(secret) + 1)
    )
