-- What the engine's user needs on the database that it loads into, and no more. Put your own names in:
--   {database}: the database, {user}: the user with host, such as 'headrace'@'10.0.%'.
--
-- Always: the ledger (CREATE once), reading tables' definitions, and the load itself. LOAD DATA … REPLACE wants DELETE.
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON {database}.* TO {user};
-- New tables, --mode replace and --mode upsert: shadow and staging tables are made, indexed, renamed and dropped.
GRANT DROP, ALTER, INDEX ON {database}.* TO {user};
-- Append and replace into tables without an AUTO_INCREMENT column: a batch is proved in a temporary table.
GRANT CREATE TEMPORARY TABLES ON {database}.* TO {user};
-- Seeing triggers, which decide how an append becomes visible and whether a table can be replaced.
GRANT TRIGGER ON {database}.* TO {user};
