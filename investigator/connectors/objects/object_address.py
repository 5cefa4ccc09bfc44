"""Where objects are: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.

A prefix is a folder, or the key of one object. Endpoint, region and keys come from the variables
that each vendor's own tools read, never from the address.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from investigator.errors import UsageError

OBJECT_SCHEMES = {"s3": "BUCKET", "gs": "BUCKET", "az": "CONTAINER"}


@dataclass(frozen=True, slots=True)
class ObjectAddress:
    """A prefix of a bucket, or one object; `key` has no slash first or last."""

    scheme: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}" + (f"/{self.key}" if self.key else "")


def is_object_address(source: str | os.PathLike[str]) -> bool:
    """Whether a source names objects rather than files."""
    return str(source).startswith(tuple(f"{scheme}://" for scheme in OBJECT_SCHEMES))


def object_address(source: str) -> ObjectAddress:
    """The address that a source names.

    Raises:
        UsageError: it names no bucket, or holds a key.
    """
    scheme, _, rest = source.partition("://")
    bucket, _, key = rest.partition("/")
    if "@" in bucket or urlsplit(f"x://{bucket}").username is not None:
        raise UsageError("an address holds no key or password: set the store's own variables")
    named = OBJECT_SCHEMES.get(scheme)
    if named is None or not bucket or any(part in (".", "..") for part in key.split("/")):
        form = f"{scheme}://{named or 'BUCKET'}/PREFIX"
        raise UsageError(f"objects are named {form}, not '{source}'")
    return ObjectAddress(scheme, bucket, key.strip("/"))
