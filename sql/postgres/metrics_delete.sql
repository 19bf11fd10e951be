-- What was measured of an attempt before.
DELETE FROM data_quality_metrics WHERE file_metadata_id = $1
