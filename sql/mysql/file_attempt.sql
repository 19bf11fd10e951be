-- Which attempt at a file is under way: whoever takes a load over counts it up.
SELECT attempt FROM _ingest_file WHERE file_id = %s
