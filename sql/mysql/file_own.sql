-- First statement of the transaction that publishes a file: its state, which nobody changes until the end.
SELECT state, attempt FROM _ingest_file WHERE file_id = %s FOR UPDATE
