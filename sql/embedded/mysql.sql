-- Run by a private server at every start, before it listens: whatever happened to the accounts, the password files
-- are right again afterwards. Nobody gets in without a password.
CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS '{user}'@'127.0.0.1' IDENTIFIED BY '{password}';
ALTER USER '{user}'@'127.0.0.1' IDENTIFIED BY '{password}';
GRANT ALL PRIVILEGES ON {database}.* TO '{user}'@'127.0.0.1';
CREATE USER IF NOT EXISTS '{admin}'@'127.0.0.1' IDENTIFIED BY '{admin_password}';
ALTER USER '{admin}'@'127.0.0.1' IDENTIFIED BY '{admin_password}';
GRANT ALL PRIVILEGES ON *.* TO '{admin}'@'127.0.0.1' WITH GRANT OPTION;
ALTER USER 'root'@'localhost' ACCOUNT LOCK;
