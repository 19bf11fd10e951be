-- What was measured of whole files in these loads, as far as it is a number.
SELECT file_metadata_id, metric_name, metric_value
FROM data_quality_metrics
WHERE file_metadata_id = ANY(%(ids)s::integer[]) AND column_name IS NULL
    AND metric_type IN ('ratio', 'count', 'seconds');
