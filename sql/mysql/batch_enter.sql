-- The first statement of a batch's transaction: it fails where the batch is in, and waits where it's on its way in.
-- It inserts nothing where another worker has taken the file over, and whoever wants to has to wait until this
-- transaction ends.
INSERT INTO _ingest_batch (file_id, batch_no, byte_start, byte_end, first_line, rows_read, rows_loaded, crc32)
SELECT file_id, %s, %s, %s, %s, %s, %s, %s
FROM _ingest_file
WHERE file_id = %s AND attempt = %s
LOCK IN SHARE MODE
