-- Each pair looks first and creates only what is missing; the password is set at every start.
SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = {user_text};
CREATE ROLE {user} LOGIN;
ALTER ROLE {user} PASSWORD {verifier};
SELECT 1 FROM pg_catalog.pg_database WHERE datname = {database_text};
CREATE DATABASE {database} OWNER {user};
