-- The first statement of a batch's transaction: it fails where the batch is in, and waits where it's on its way in.
INSERT INTO _ingest_batch (file_id, batch_no, byte_start, byte_end, first_line, rows_read, rows_loaded, crc32)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
