-- What the engine's user needs on the database that it loads into, by what it is to do there, and no more. Each section
-- is whole; who does several things needs the sections of all of them. Put your own names in:
--   {database}: the database, {user}: the user with host, such as 'headrace'@'10.0.%'.
--
-- CREATE is for the ledger's two tables and is needed once. ALTER on the ledger is needed once after an update that
-- extends it; besides, where a feed lets tables evolve. LOAD DATA … REPLACE wants DELETE. CREATE TEMPORARY TABLES: a
-- batch is proved in one where the table has no AUTO_INCREMENT column, and taken apart in one where rows are refused.
-- TRIGGER, because a table's triggers show only to those who have it.

-- [dry run]
GRANT SELECT, TRIGGER ON {database}.* TO {user};

-- [append]
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, CREATE TEMPORARY TABLES, TRIGGER ON {database}.* TO {user};

-- [new table]
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER ON {database}.* TO {user};

-- [replace]
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, CREATE TEMPORARY TABLES, TRIGGER ON {database}.* TO {user};

-- [upsert]
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, TRIGGER ON {database}.* TO {user};
