-- A load that was cut short goes on. One that may be renamed already keeps saying so.
UPDATE _ingest_file
SET state = IF(state = 'publishing', state, 'loading'), attempt = attempt + 1, owner = %s, path = %s, report = NULL,
  cataloged = 0, ended_at = NULL
WHERE file_id = %s
