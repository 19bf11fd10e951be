-- A file's metrics that say something beyond a column's own statistics, broken rules first.
SELECT metric_name, metric_value, metric_type, column_name, passed, message
FROM data_quality_metrics
WHERE file_metadata_id = %(id)s::integer AND (column_name IS NULL OR passed IS NOT NULL OR message <> '')
ORDER BY passed IS DISTINCT FROM FALSE, passed IS NULL, position
LIMIT %(limit)s::integer;
