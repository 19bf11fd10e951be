-- Nothing of this load is anywhere.
DELETE FROM _ingest_file WHERE file_id = %s
