-- The report that the ledger keeps of a load.
SELECT report FROM _ingest_file WHERE file_id = %s
