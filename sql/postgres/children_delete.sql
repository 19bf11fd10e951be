-- What was known of an attempt's columns and measured of it before, where there is nothing to put in its place.
WITH gone AS (DELETE FROM column_metadata WHERE file_metadata_id = %(id)s)
DELETE FROM data_quality_metrics WHERE file_metadata_id = %(id)s
RETURNING id
