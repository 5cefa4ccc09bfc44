"""The live sources by the addresses that name them; each connector is imported when it is used.

So whoever reads a file pays for files.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from investigator.connectors.mlflow.mlflow_address import is_mlflow_address, mlflow_address
from investigator.connectors.objects.object_address import is_object_address, object_address
from investigator.connectors.phoenix.address import is_phoenix_address, phoenix_address

if TYPE_CHECKING:
    from investigator.connectors.annotation_store import AnnotationStore
    from investigator.store.live import LiveInspectionAPI, OnCount


class LivePlace(NamedTuple):
    """A kind of live source."""

    name: str
    """What messages call one."""
    form: str
    """How one is named."""
    names: Callable[[str], bool]
    """Whether a source names one."""
    complete: Callable[[str], object]
    """The complete address that a source names, to be written down; raises `UsageError`."""
    read: Callable[[str, OnCount | None], LiveInspectionAPI]
    """Opens a complete address."""
    annotate: Callable[[str], AnnotationStore] | None
    """Opens a complete address to write to; None where it takes no annotations."""


def _read_phoenix(place: str, on_span_count: OnCount | None) -> LiveInspectionAPI:
    from investigator.connectors.phoenix.connection import PhoenixConnection
    from investigator.connectors.phoenix.source import PhoenixInspectionAPI

    connection = PhoenixConnection(phoenix_address(place))
    return PhoenixInspectionAPI(connection, on_span_count=on_span_count)


def _annotate_phoenix(place: str) -> AnnotationStore:
    from investigator.connectors.phoenix.annotating import PhoenixAnnotations
    from investigator.connectors.phoenix.connection import PhoenixConnection

    return PhoenixAnnotations(PhoenixConnection(phoenix_address(place)))


def _read_mlflow(place: str, on_span_count: OnCount | None) -> LiveInspectionAPI:
    from investigator.connectors.mlflow.mlflow_connection import MLflowConnection
    from investigator.connectors.mlflow.mlflow_source import MLflowInspectionAPI

    connection = MLflowConnection(mlflow_address(place))
    return MLflowInspectionAPI(connection, on_span_count=on_span_count)


def _annotate_mlflow(place: str) -> AnnotationStore:
    from investigator.connectors.mlflow.assessing import MLflowAssessments
    from investigator.connectors.mlflow.mlflow_connection import MLflowConnection

    return MLflowAssessments(MLflowConnection(mlflow_address(place)))


def _read_objects(place: str, on_span_count: OnCount | None) -> LiveInspectionAPI:
    from investigator.connectors.objects.bucket import Bucket
    from investigator.connectors.objects.object_source import ObjectInspectionAPI

    return ObjectInspectionAPI(Bucket(object_address(place)), on_span_count=on_span_count)


LIVE_PLACES = (
    LivePlace(
        name="a Phoenix",
        form="phoenix://HOST:PORT/PROJECT",
        names=is_phoenix_address,
        complete=phoenix_address,
        read=_read_phoenix,
        annotate=_annotate_phoenix,
    ),
    LivePlace(
        name="an MLflow",
        form="mlflow://HOST:PORT/EXPERIMENT",
        names=is_mlflow_address,
        complete=mlflow_address,
        read=_read_mlflow,
        annotate=_annotate_mlflow,
    ),
    LivePlace(
        name="an object store",
        form="s3://BUCKET/PREFIX",
        names=is_object_address,
        complete=object_address,
        read=_read_objects,
        annotate=None,
    ),
)
ANNOTATED = tuple(place for place in LIVE_PLACES if place.annotate is not None)
"""Those that take annotations."""


def live_place(source: str | os.PathLike[str]) -> LivePlace | None:
    """The kind of live source that a source names; None where it names files."""
    return next((place for place in LIVE_PLACES if place.names(str(source))), None)


def forms_of(places: tuple[LivePlace, ...]) -> str:
    """How these are named, for a message."""
    return " or ".join(place.form for place in places)
