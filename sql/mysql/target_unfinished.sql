-- The paths of the loads into a target that aren't finished.
SELECT path FROM _ingest_file WHERE target = %s AND state IN ('loading', 'publishing', 'failed')
