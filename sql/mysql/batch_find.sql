-- A batch that is in. Read as it is now, whatever the transaction's snapshot says: it may have been committed since.
SELECT byte_start, byte_end, rows_read, rows_loaded, crc32, refused
FROM _ingest_batch
WHERE file_id = %s AND batch_no = %s
LOCK IN SHARE MODE
