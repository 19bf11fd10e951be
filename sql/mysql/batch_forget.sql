-- A load starts again from nothing.
DELETE FROM _ingest_batch WHERE file_id = %s
