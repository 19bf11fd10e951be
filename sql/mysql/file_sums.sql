-- What the batches of a load add up to, and the report that went with the intent to rename.
SELECT SUM(b.rows_read), SUM(b.rows_loaded), MAX(f.report)
FROM _ingest_batch b JOIN _ingest_file f USING (file_id)
WHERE b.file_id = %s
