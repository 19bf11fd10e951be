-- One row per file that the engine took on: the commit marker of everything it does.
CREATE TABLE IF NOT EXISTS _ingest_file (
  file_id BINARY(16) NOT NULL PRIMARY KEY,
  target VARCHAR(64) NOT NULL,
  mode ENUM('append', 'replace', 'upsert') NOT NULL,
  path TEXT NOT NULL,
  size_bytes BIGINT UNSIGNED NOT NULL,
  -- SHA-256 of size, first and last MiB; of the whole file once that is read.
  quick_hash BINARY(32) NOT NULL,
  content_hash BINARY(32) NULL,
  -- SHA-256 of dialect, columns and policies: a load is resumed only under the same.
  contract_hash BINARY(32) NOT NULL,
  -- Counts the loads of the same bytes that were asked for with --on-duplicate load.
  generation INT UNSIGNED NOT NULL DEFAULT 0,
  batch_rows BIGINT UNSIGNED NOT NULL,
  batch_bytes BIGINT UNSIGNED NOT NULL,
  state ENUM('loading', 'publishing', 'published', 'superseded', 'held', 'failed') NOT NULL,
  shadow VARCHAR(64) NULL,
  owner VARCHAR(255) NOT NULL,
  attempt INT UNSIGNED NOT NULL DEFAULT 1,
  rows_read BIGINT UNSIGNED NULL,
  rows_loaded BIGINT UNSIGNED NULL,
  rows_rejected BIGINT UNSIGNED NULL,
  claimed_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  ended_at DATETIME(6) NULL,
  -- The file's whole report as JSON, from which the catalog can be written again. Does the catalog have it? NULL: the
  -- worker that publishes the file is about to write it there.
  report LONGTEXT NULL,
  cataloged TINYINT(1) NULL DEFAULT 0,
  published_hash BINARY(32) GENERATED ALWAYS AS (IF(state = 'published', content_hash, NULL)) STORED,
  -- The load whose corrected rejects this is. They come in once.
  replays BINARY(16) NULL,
  published_replay BINARY(16) GENERATED ALWAYS AS (IF(state = 'published', replays, NULL)) STORED,
  UNIQUE KEY once (target, published_hash, generation),
  UNIQUE KEY replayed_once (published_replay),
  KEY same_file (target, quick_hash),
  KEY waiting (cataloged, ended_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
