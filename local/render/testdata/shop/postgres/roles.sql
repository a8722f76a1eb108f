-- The roles of PostgreSQL, rendered by go run ./local render: one a function, which may do what the statements
-- in its code do, and nothing else. Run it as the owner of the schema, after each migration:
--
--   psql "$SQL_ADMIN_URL" --set=ON_ERROR_STOP=1 --file=infra/knative/postgres/roles.sql
--
-- It gives no passwords, and takes none away: \password "read-inbox"

BEGIN;  -- or who asks between REVOKE and GRANT is refused

DO $$ BEGIN CREATE ROLE "charge-card" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE "charge-card" SET statement_timeout = '30s';
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "charge-card";
GRANT SELECT, UPDATE ON cards TO "charge-card";
GRANT SELECT, INSERT, DELETE ON outbox TO "charge-card";

DO $$ BEGIN CREATE ROLE "keep-letters" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE "keep-letters" SET statement_timeout = '30s';
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "keep-letters";
GRANT SELECT, INSERT, DELETE ON letters TO "keep-letters";

COMMIT;
