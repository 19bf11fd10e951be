"""A catalog with very many files in it, written by the database itself: their pages must not get slower."""

from __future__ import annotations

from tests.fix_postgres import Postgres

COLUMNS = 7

_FILES = """
INSERT INTO file_metadata (
    file_name, file_path, file_size_bytes, row_count, column_count, ingestion_timestamp, ingestion_status, target_table,
    error_message, error_code, error_retryable, processing_duration_seconds, ingest_file_id, attempt, run_id, sha256,
    mtime, feed, mode, started_at, finished_at, rows_loaded, rows_rejected, batches
)
SELECT
    format('%s_%s.csv', name, lpad(n::text, 6, '0')), format('/data/input/%s_%s.csv', name, lpad(n::text, 6, '0')),
    rows * 61, rows, 7, began, state, name || '_data',
    CASE state WHEN 'failed' THEN 'line ' || n || ': 9 fields instead of 7; correct the file' END,
    CASE state WHEN 'failed' THEN 'scan.structure' END, CASE state WHEN 'failed' THEN FALSE END,
    rows / 240000.0 + 0.08, gen_random_uuid(), 1, 'many_' || n / 40, md5(n::text) || md5((-n)::text),
    began AT TIME ZONE 'UTC', CASE WHEN name <> 'stock' THEN name END, 'append', began AT TIME ZONE 'UTC',
    began AT TIME ZONE 'UTC', CASE state WHEN 'success' THEN rows - n % 3 ELSE 0 END,
    CASE state WHEN 'success' THEN n % 3 ELSE 0 END, 1
FROM (
    SELECT
        n, (ARRAY['orders', 'clicks', 'stock', 'returns', 'visits'])[n % 5 + 1] AS name,
        20000 + (n * 7919) % 9000 + 1500 * (n % 5) AS rows,
        CASE WHEN n % 61 = 7 THEN 'failed' WHEN n % 97 = 5 THEN 'held' ELSE 'success' END AS state,
        (now() AT TIME ZONE 'UTC') - n * (interval '28 days' / %s) - interval '1 hour' AS began
    FROM generate_series(1, %s) AS n
) AS made
"""

_COLUMNS = """
INSERT INTO column_metadata (
    file_metadata_id, position, column_name, original_name, column_type, kind, rows, null_count, empties, unique_count,
    distinct_error, min_value, max_value, min_chars, max_chars, sample_values, quantiles, quantiles_error, top_values,
    top_error
)
SELECT
    f.id, p, 'column_' || p, 'Column ' || p, 'VARCHAR(64)', 'text', f.row_count, (f.id * p) % 200, 0, 900, 0, 'a', 'zz', 1,
    2, '["a", "zz"]', '[]', 0, '[{"value": "a", "count": 90}, {"value": "zz", "count": 40}]', 0
FROM file_metadata f, generate_series(0, 6) AS p
WHERE f.run_id LIKE 'many%'
"""

_METRICS = """
INSERT INTO data_quality_metrics (
    file_metadata_id, position, metric_name, metric_value, metric_type, column_name, passed, message
)
SELECT
    f.id, p, CASE p WHEN 0 THEN 'completeness' WHEN 1 THEN 'duplicate_rows' ELSE 'completeness' END,
    CASE p WHEN 1 THEN (f.id % 9)::text ELSE (1 - (f.id % 40) / 1000.0)::text END,
    CASE p WHEN 1 THEN 'count' ELSE 'ratio' END, CASE WHEN p > 1 THEN 'column_' || (p - 2) END, NULL, ''
FROM file_metadata f, generate_series(0, 8) AS p
WHERE f.run_id LIKE 'many%'
"""


def fill(catalog: Postgres, files: int) -> None:
    """Write so many files of the last four weeks, 250 to a table and week, with columns and metrics.

    Some failed, some are held. Cost: 2 s for 10,000 files.
    """
    catalog.rows(_FILES.replace("%s", "{}").format("%s", "%s", "%s", "%s", files, files))
    catalog.rows(_COLUMNS)
    catalog.rows(_METRICS)
    catalog.rows("ANALYZE")
