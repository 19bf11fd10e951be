-- What was known of an attempt's columns before.
DELETE FROM column_metadata WHERE file_metadata_id = $1
