-- Held until the transaction ends, so that two writers of one attempt's columns take turns.
UPDATE file_metadata SET updated_at = now() WHERE id = $1
