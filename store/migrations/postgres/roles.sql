-- Two roles for one store, run once by whoever owns the database: one that makes and changes the
-- tables, and one for the daemons and the command line, which cannot. Not a migration.
--
--   psql -d rruled -v ON_ERROR_STOP=1 -f roles.sql
--   rruled migrate   with store.url = postgresql://rruled_migrate@../rruled
--   rruled run       with store.url = postgresql://rruled_run@../rruled
--
-- With these roles a daemon that finds an older schema says so and stops: migrate first.
CREATE ROLE rruled_migrate LOGIN;
CREATE ROLE rruled_run LOGIN;
-- Passwords: \password rruled_migrate, \password rruled_run.

CREATE SCHEMA rruled AUTHORIZATION rruled_migrate;
GRANT USAGE ON SCHEMA rruled TO rruled_run;
-- For the tables that the migrations make, now and later, and for the numbers of their rows, which
-- `rruled store copy` sets.
ALTER DEFAULT PRIVILEGES FOR ROLE rruled_migrate IN SCHEMA rruled
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO rruled_run;
ALTER DEFAULT PRIVILEGES FOR ROLE rruled_migrate IN SCHEMA rruled
  GRANT SELECT, UPDATE ON SEQUENCES TO rruled_run;
-- For a schema that has tables already.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rruled TO rruled_run;
GRANT SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA rruled TO rruled_run;

-- A limit for each role keeps a store that was set up wrongly from using up the server.
ALTER ROLE rruled_run CONNECTION LIMIT 100;
