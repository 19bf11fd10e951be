-- A ledger that was made before rejects could be replayed gets what that takes.
ALTER TABLE _ingest_file
  ADD COLUMN replays BINARY(16) NULL,
  ADD COLUMN published_replay BINARY(16) GENERATED ALWAYS AS (IF(state = 'published', replays, NULL)) STORED,
  ADD UNIQUE KEY replayed_once (published_replay)
