-- Differs as soon as anybody begins a load into a target, takes one over or removes one; own loads don't count.
SELECT COUNT(*), SUM(attempt), MAX(claimed_at) FROM _ingest_file WHERE target = %s AND file_id NOT IN %s
