"""A bucket: listed, and read by ranges of one version of an object; every failure is one line.

Credentials come from the environment alone. Left to itself the client would ask a metadata address
of the machine's network for some; where there are none here it signs nothing, and asks nobody.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from investigator.connectors.objects.object_address import ObjectAddress
from investigator.errors import SourceUnavailable, UsageError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_KEYS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_CREDENTIALS: dict[str, tuple[dict[str, str], ...]] = {
    "s3": (
        {"access_key_id": "AWS_ACCESS_KEY_ID", "secret_access_key": "AWS_SECRET_ACCESS_KEY"},
        {"web_identity_token_file": "AWS_WEB_IDENTITY_TOKEN_FILE", "role_arn": "AWS_ROLE_ARN"},
    ),
    "gs": (
        {"application_credentials": "GOOGLE_APPLICATION_CREDENTIALS"},
        {"service_account": "GOOGLE_SERVICE_ACCOUNT"},
        {"service_account_key": "GOOGLE_SERVICE_ACCOUNT_KEY"},
    ),
    "az": (
        {"account_key": "AZURE_STORAGE_ACCOUNT_KEY"},
        {"sas_key": "AZURE_STORAGE_SAS_TOKEN"},
        {
            "client_id": "AZURE_CLIENT_ID",
            "client_secret": "AZURE_CLIENT_SECRET",
            "tenant_id": "AZURE_TENANT_ID",
        },
        {
            "client_id": "AZURE_CLIENT_ID",
            "federated_token_file": "AZURE_FEDERATED_TOKEN_FILE",
            "tenant_id": "AZURE_TENANT_ID",
        },
    ),
}
"""What gives credentials, the first that is whole: the client's names, the vendor's variables."""
_BESIDE = {
    "s3": {"session_token": "AWS_SESSION_TOKEN", "role_session_name": "AWS_ROLE_SESSION_NAME"},
    "gs": {},
    "az": {"account_name": "AZURE_STORAGE_ACCOUNT_NAME"},
}
_NOBODY = "http://127.0.0.1:9"
"""Where the client is told that a metadata address is, should it ever look for one."""
_SHOWN = 200


class StoredObject(NamedTuple):
    """One version of an object. `version` tells it from any other content under the key."""

    key: str
    size: int
    version: str
    etag: str | None


class Bucket:
    """The objects below an address."""

    def __init__(self, address: ObjectAddress, environ: Mapping[str, str] = os.environ) -> None:
        self.address = address
        with _explained(address):
            self._store = _store(address, environ)

    def listed(self) -> list[StoredObject]:
        """The objects below the address, or the one of that key, in order of key.

        Raises:
            SourceUnavailable: the store cannot be asked, or refuses.
        """
        import obstore

        key = self.address.key
        with _explained(self.address):
            batches = obstore.list(self._store, prefix=f"{key}/" if key else None, chunk_size=1000)
            found = [_stored(meta) for batch in batches for meta in batch]
            if not found and key:
                with suppress(FileNotFoundError):
                    found = [_stored(obstore.head(self._store, key))]
        return sorted(found)

    def read(self, wanted: StoredObject, start: int, end: int) -> bytes:
        """The bytes `[start, end)` of that version.

        Raises:
            SourceUnavailable: it is not there any more, or another version is.
        """
        import obstore

        if start >= end:
            return b""
        options: Any = {"range": (start, end)}
        if wanted.etag is not None:
            options["if_match"] = wanted.etag
        with _explained(self.address, wanted.key):
            return bytes(obstore.get(self._store, wanted.key, options=options).bytes())

    def fetch(self, wanted: StoredObject, target: Path) -> None:
        """Write that version to a file, as it comes.

        Raises:
            SourceUnavailable: as of `read`.
        """
        import obstore

        options: Any = {} if wanted.etag is None else {"if_match": wanted.etag}
        with _explained(self.address, wanted.key), target.open("wb") as file:
            for chunk in obstore.get(self._store, wanted.key, options=options):
                file.write(bytes(chunk))


def _stored(meta: Mapping[str, Any]) -> StoredObject:
    etag = meta.get("e_tag")
    version = f"{etag} {meta.get('version')} {meta['size']} {meta['last_modified']}"
    return StoredObject(str(meta["path"]), int(meta["size"]), version, etag)


def _store(address: ObjectAddress, environ: Mapping[str, str]) -> ObjectStore:
    try:
        from obstore.store import AzureStore, GCSStore, S3Store
    except ImportError:
        raise UsageError(
            "the packages for object stores are not installed: "
            "pip install 'phoenix-rlm-investigator[objects]'"
        ) from None
    client: Any = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=60)}
    retry: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=60)}
    kwargs: dict[str, Any] = {"retry_config": retry, **_credentials(address.scheme, environ)}
    match address.scheme:
        case "s3":
            endpoint = _first(environ, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
            region = _first(environ, "AWS_REGION", "AWS_DEFAULT_REGION") or "us-east-1"
            kwargs |= {"region": region, "metadata_endpoint": _NOBODY}
            kwargs |= _at(client, "endpoint", endpoint)
            return S3Store(address.bucket, client_options=client, **kwargs)
        case "gs":
            endpoint = _first(environ, "STORAGE_EMULATOR_HOST", "GOOGLE_BASE_URL")
            if endpoint is not None and "://" not in endpoint:
                endpoint = f"http://{endpoint}"
            kwargs |= _at(client, "base_url", endpoint)
            return GCSStore(address.bucket, client_options=client, **kwargs)
        case _:
            endpoint = _first(environ, "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
            kwargs |= {"msi_endpoint": _NOBODY, **_at(client, "endpoint", endpoint)}
            return AzureStore(address.bucket, client_options=client, **kwargs)


def _credentials(scheme: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """What the client signs with, said to it in full; nothing is signed where there is none."""
    for names in _CREDENTIALS[scheme]:
        if all(environ.get(variable) for variable in names.values()):
            found = {**names, **_BESIDE[scheme]}
            return {name: environ[at] for name, at in found.items() if environ.get(at)}
    beside = {"account_name": environ.get("AZURE_STORAGE_ACCOUNT_NAME")} if scheme == "az" else {}
    return {"skip_signature": True, **{name: at for name, at in beside.items() if at}}


def _at(client: dict[str, Any], name: str, endpoint: str | None) -> dict[str, str]:
    """The endpoint, where one is named; a plain one is spoken to as such."""
    if endpoint is None:
        return {}
    client["allow_http"] = endpoint.startswith("http://")
    return {name: endpoint}


def _first(environ: Mapping[str, str], *names: str) -> str | None:
    return next((value for name in names if (value := environ.get(name, "").strip())), None)


@contextmanager
def _explained(address: ObjectAddress, key: str | None = None) -> Iterator[None]:
    """Inside, every failure of the client becomes one line.

    Raises:
        SourceUnavailable: with what was asked and what to do.
    """
    try:
        from obstore.exceptions import BaseError
    except ImportError:
        yield
        return
    try:
        yield
    except FileNotFoundError:
        raise SourceUnavailable(_not_there(address, key)) from None
    except (BaseError, PermissionError, ValueError) as error:
        raise SourceUnavailable(_said(address, key, error)) from None


def _not_there(address: ObjectAddress, key: str | None) -> str:
    what = str(address) if key is None else f"{address.scheme}://{address.bucket}/{key}"
    return f"'{what}' is not there: is that its bucket, and its key?"


def _said(address: ObjectAddress, key: str | None, error: Exception) -> str:
    text = str(error)
    what = str(address) if key is None else f"{address.scheme}://{address.bucket}/{key}"
    if type(error).__name__ == "PreconditionError":
        return f"'{what}' was changed while it was read: ask again"
    if "NoSuchBucket" in text or "ContainerNotFound" in text:
        return f"there is no bucket '{address.bucket}' ({what})"
    denied = ("403", "401", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch")
    if isinstance(error, PermissionError) or any(word in text for word in denied):
        return f"'{what}' refuses access: set {_KEYS[address.scheme]}"
    first = " ".join(text.partition("\n\nDebug source")[0].split())
    return f"'{what}' cannot be read: {first[:_SHOWN]}"
