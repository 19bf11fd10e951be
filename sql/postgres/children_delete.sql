-- What was known of some attempts' columns and measured of them before.
WITH gone AS (DELETE FROM column_metadata WHERE file_metadata_id = ANY(%(ids)s))
DELETE FROM data_quality_metrics WHERE file_metadata_id = ANY(%(ids)s)
RETURNING id
