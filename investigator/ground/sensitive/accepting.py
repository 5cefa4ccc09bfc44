"""What is no secret though it stands where one would: code, placeholders, words of a sentence."""

from __future__ import annotations

import base64
import binascii
import re

from investigator.ground.sensitive.kind import Candidate
from investigator.ground.sensitive.prose import PROSE

_PLACEHOLDER = re.compile(
    r"(?i:\[?_*redacted.*)|\[[A-Z_ -]+\]|<.*|\$[{(].*|\$[A-Z_][A-Z0-9_]*|\$\d[\d.,]*|(?i:https?://|www\.).*|\{.*\}?|%[\w(].{0,40}|\*+|\.{3,}.*|•+|-+|_+"
    r"|[xX]{3,}.*|(?i:your|my|the|some|example|insert|enter|replace|change)[-_ ]?"
    r"(?i:[\w -]*(?:password|token|key|secret|here|me))",
    re.DOTALL,
)
_CODE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\.?|__\w+__|[|&=!+]+.*")
_TYPES = frozenset(
    [
        "none",
        "null",
        "nil",
        "true",
        "false",
        "str",
        "string",
        "int",
        "integer",
        "bool",
        "boolean",
        "float",
        "number",
        "bytes",
        "any",
        "object",
        "array",
        "list",
        "dict",
        "optional",
        "undefined",
        "empty",
        "missing",
        "required",
        "unknown",
        "unset",
        "default",
        "hidden",
        "secretstr",
        "passwordfield",
    ]
)
_NO_WORD = 16
_LONG_WORD = 20
"""In letters: few words that follow a label are as long, and hardly any that follow `bearer`."""

_LONGEST_VALUE = 4096
"""In characters: more than any header may hold."""

_INFLECTED = re.compile(r"[a-z]+(?:ed|ing|ly|able|ible|ous|ful|ent)")
_NAMED = re.compile(r"(?i)pass|pwd|token|key|secret|cred|auth|value|env")
_NO_TOKENS = re.compile(
    r"(?i)(?:next|prev\w*|page|paging|continuation|pagination|sync|cursor|max|min|num|n|eos|bos|pad"
    r"|unk|sep|cls|mask|special|stop|start|end|first|last|new|per|per_?second|each|input|output"
    r"|prompt|completion|total|image|audio|text|word|sub|cached|reasoning|control|added|extra"
    r"|current|single|one|by|a|the|resume|delta|change)[_ -]?token"
)


_AFTER_TOKEN = re.compile(r"(?i)(?<=t)oken\W*$")


def has_digit(candidate: Candidate) -> bool:
    """A key that somebody made up of words alone is none."""
    return any(character.isdigit() for character in candidate.secret)


def mixed_case(candidate: Candidate) -> bool:
    """Small and capital letters, as only random text mixes them."""
    secret = candidate.secret
    return any(c.isupper() for c in secret) and any(c.islower() for c in secret)


def digit_and_letter(candidate: Candidate) -> bool:
    """Both, as random text has them."""
    return has_digit(candidate) and any(c.isalpha() for c in candidate.secret)


def looks_secret(candidate: Candidate) -> bool:
    """No word: a digit, a sign or a capital letter stands in it."""
    secret = candidate.secret.rstrip(".,:;!?)*_`")
    word = secret.replace("-", "").replace("/", "").replace("’", "").replace("_", "")
    return not (word.isalpha() and (word[1:].islower() or word.isupper())) and len(word) > 1


def is_value(candidate: Candidate) -> bool:
    """Not code that fetches the secret, not a placeholder, not a declaration of its type."""
    secret = candidate.secret.strip()
    if candidate.after in ("(", "[") or secret.lower().strip(".,;:!") in _TYPES:
        return False
    if not secret or _PLACEHOLDER.fullmatch(secret):
        return False
    return _quoted(candidate) or not (_CODE.fullmatch(secret) and not has_digit(candidate))


def is_named_value(candidate: Candidate) -> bool:
    """A value under the name of a secret; a plain word only where it is quoted or assigned."""
    if not is_value(candidate):
        return False
    if _quoted(candidate) or looks_secret(candidate):
        return True
    assigned = candidate.label.rstrip().endswith(("=", ">"))
    return assigned and not _NAMED.search(candidate.secret) and not _is_prose(candidate.secret)


def is_told(candidate: Candidate) -> bool:
    """What a sentence says that a secret is, rather than how the secret is."""
    secret = candidate.secret.rstrip(".,:;!?)*`")
    if not is_value(candidate._replace(secret=secret)):
        return False
    return _quoted(candidate) or looks_secret(candidate) or not _is_prose(secret)


def is_option(candidate: Candidate) -> bool:
    """The value of an option, not the next option and not the words that describe it."""
    return not candidate.secret.startswith("-") and is_told(candidate)


def is_token(candidate: Candidate) -> bool:
    """A value under a name that ends in `token`, and none that counts or marks tokens."""
    if not is_value(candidate) or _NO_TOKENS.search(candidate.label):
        return False
    name = _AFTER_TOKEN.sub("", candidate.label)
    if name.endswith("_T"):  # an environment variable; behind a colon a sentence may go on
        assigned = candidate.label.rstrip().endswith(("=", ">"))
        told = assigned or _quoted(candidate) or looks_secret(candidate)
        return told and any(c.isalpha() for c in candidate.secret)
    bare = not name[:-1].strip("\"'-_")
    return len(candidate.secret) >= (16 if bare else 8) and digit_and_letter(candidate)


def is_header_value(candidate: Candidate) -> bool:
    """What a header that authorises holds: long, or with what words lack."""
    long = len(candidate.secret) >= _NO_WORD
    return is_value(candidate) and (long or has_digit(candidate) or mixed_inside(candidate.secret))


def is_bearer(candidate: Candidate) -> bool:
    """What follows `bearer`, unless it is a word of a sentence."""
    return is_value(candidate) and (has_digit(candidate) or len(candidate.secret) >= _LONG_WORD)


def mixed_inside(secret: str) -> bool:
    """A capital letter after a small one, or the filling of base64."""
    return secret.endswith("=") or bool(re.search(r"[a-z][A-Z]", secret))


def is_field_value(candidate: Candidate) -> bool:
    """The whole text of a field that is named like a secret: one value, and no tale about it."""
    secret = candidate.secret.strip()
    # HTTP headers are lists of texts in OpenTelemetry; other lists and objects say more than one.
    is_structure = secret.startswith("{") or (secret.startswith("[") and secret[1:2] != '"')
    if is_structure or not 4 <= len(secret) <= _LONGEST_VALUE:
        return False
    named_token = candidate.label.lower().rstrip("=").endswith("token")
    return (is_token if named_token else is_value)(candidate)


def is_basic(candidate: Candidate) -> bool:
    """Base64 of `user:password`."""
    try:
        plain = base64.b64decode(candidate.secret + "=" * (-len(candidate.secret) % 4))
        told = plain.decode("utf-8")
        return told.isprintable() and ":" in told
    except (binascii.Error, ValueError):
        return False


def _quoted(candidate: Candidate) -> bool:
    return candidate.before in ('"', "'", "`") and candidate.before != ""


def _is_prose(word: str) -> bool:
    plain = word.lower()
    return len(plain) < 4 or plain in PROSE or bool(_INFLECTED.fullmatch(plain))
