"""Lineage: OpenLineage datasets with what the load itself measured, sent where a transport is configured."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from engine.model import ColumnReport, FileReport, FileStatus, QualityCheck
from engine.steps import address

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import (
        InputDatasetFacet,
        column_lineage_dataset,
        data_quality_assertions_dataset,
        data_quality_metrics_input_dataset,
        schema_dataset,
    )

# An event travels as one message: of a wide file the first columns say what it is.
_MOST_COLUMNS = 500


def emit_lineage(reports: Iterable[FileReport]) -> int:
    """Send one event with the files that were loaded and the tables they are in; returns how many files.

    Nothing is imported or sent where OpenLineage has no transport.
    """
    from airflow.providers.openlineage.conf import is_disabled

    if is_disabled():
        return 0
    from airflow.providers.openlineage.api import emit_dataset_lineage

    loaded = [report for report in reports if report.status is FileStatus.LOADED]
    where = address()
    for report in loaded:
        emit_dataset_lineage(inputs=[file_dataset(report)], outputs=[table_dataset(report, where)])
    return len(loaded)


def file_dataset(report: FileReport) -> InputDataset:
    """Describe a file: its columns, what was measured of their values, and the checks that a rule decided."""
    from openlineage.client.event_v2 import InputDataset

    facets: dict[str, InputDatasetFacet] = {"dataQualityMetrics": _metrics(report)}
    if assertions := _assertions(report.checks):
        facets["dataQualityAssertions"] = assertions
    return InputDataset(
        namespace="file",
        name=str(report.path),
        facets={"schema": _schema((column.original or column.name, "string") for column in _columns(report))},
        inputFacets=facets,
    )


def table_dataset(report: FileReport, where: str) -> OutputDataset:
    """Describe what a table got: its columns, where each comes from, and how many rows.

    Args:
        report: Of a file that was loaded.
        where: `mysql://host:port/database`.
    """
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset

    namespace, _, database = where.rpartition("/")
    kept = (column for column in _columns(report) if column.within is None)
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=report.rows_loaded, size=report.size_bytes, fileCount=1
    )
    return OutputDataset(
        namespace=namespace,
        name=f"{database}.{report.table}",
        facets={
            "schema": _schema((column.name, column.mysql_type) for column in kept),
            "columnLineage": _origins(report),
        },
        outputFacets={"outputStatistics": statistics},
    )


def _columns(report: FileReport) -> tuple[ColumnReport, ...]:
    return report.columns[:_MOST_COLUMNS]


def _schema(fields: Iterable[tuple[str, str]]) -> schema_dataset.SchemaDatasetFacet:
    from openlineage.client.facet_v2 import schema_dataset

    return schema_dataset.SchemaDatasetFacet(
        fields=[schema_dataset.SchemaDatasetFacetFields(name=name, type=kind) for name, kind in fields]
    )


def _metrics(report: FileReport) -> data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet:
    from openlineage.client.facet_v2 import data_quality_metrics_input_dataset as facet

    metrics = {}
    for column in _columns(report):
        if (profile := column.profile) is None:
            continue
        metrics[column.original or column.name] = facet.ColumnMetrics(
            nullCount=profile.nulls,
            distinctCount=profile.distinct,
            count=profile.rows - profile.nulls,
            sum=_number(profile.total),
            min=_number(profile.minimum),
            max=_number(profile.maximum),
            quantiles={f"{at:g}": number for at, value in profile.quantiles if (number := _number(value)) is not None},
        )
    return facet.DataQualityMetricsInputDatasetFacet(
        rowCount=report.rows_read, bytes=report.size_bytes, columnMetrics=metrics
    )


def _number(value: object) -> float | None:
    """Return a number as the facet's only type of one; a date or a text has none."""
    return float(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else None


def _origins(report: FileReport) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    from openlineage.client.facet_v2 import column_lineage_dataset as facet

    unchanged = facet.Transformation(type="DIRECT", subtype="IDENTITY")
    fields: dict[str, list[facet.InputField]] = {}
    for column in _columns(report):
        origin = facet.InputField(
            namespace="file", name=str(report.path), field=column.original or column.name, transformations=[unchanged]
        )
        # Columns that no table has room for lie together in one of JSON.
        fields.setdefault(column.within or column.name, []).append(origin)
    return facet.ColumnLineageDatasetFacet(
        fields={name: facet.Fields(inputFields=origins) for name, origins in fields.items()}
    )


def _assertions(
    checks: Iterable[QualityCheck],
) -> data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet | None:
    """Return the checks that a rule decides, None where there is no rule."""
    from openlineage.client.facet_v2 import data_quality_assertions_dataset as facet

    made = [
        facet.Assertion(assertion=check.name, success=check.passed, column=check.column, actual=str(check.value))
        for check in checks
        if check.passed is not None
    ]
    return facet.DataQualityAssertionsDatasetFacet(assertions=made) if made else None
