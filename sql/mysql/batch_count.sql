-- How many batches of a load are in.
SELECT COUNT(*) FROM _ingest_batch WHERE file_id = %s
