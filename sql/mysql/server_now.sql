-- The server's clock, the database's character set, who is connected, and the roles that this user has taken on.
SELECT UNIX_TIMESTAMP(UTC_TIMESTAMP(6)) AS clock, @@character_set_database AS character_set, CURRENT_ROLE() AS roles
