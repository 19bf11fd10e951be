-- Some rows of a batch were refused: in the same transaction as the others.
UPDATE _ingest_batch SET rows_loaded = %s, refused = %s WHERE file_id = %s AND batch_no = %s
