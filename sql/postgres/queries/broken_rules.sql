-- Which quality checks did the latest loads break, by how much?
-- days: how far back, 7 where it isn't given.
SELECT
    to_char(f.ingestion_timestamp, 'YYYY-MM-DD HH24:MI:SS') AS arrived_utc,
    f.file_name, f.target_table, f.ingestion_status AS status,
    m.metric_name, m.column_name, m.metric_value, m.metric_type AS unit, m.message
FROM file_latest f
JOIN data_quality_metrics m ON m.file_metadata_id = f.id
WHERE NOT m.passed
    AND f.ingestion_timestamp >= now() AT TIME ZONE 'UTC' - make_interval(days => COALESCE(%(days)s::integer, 7))
ORDER BY f.ingestion_timestamp DESC, f.id DESC, m.position;
