-- The roles of PostgreSQL, rendered by go run ./local render: one a function, which may do what the statements
-- in its code do, and nothing else. Run it as the owner of the schema, after each migration:
--
--   psql "$SQL_ADMIN_URL" --set=ON_ERROR_STOP=1 --file=infra/knative/postgres/roles.sql
--
-- It gives no passwords, and takes none away: \password "read-inbox"

BEGIN;  -- or who asks between REVOKE and GRANT is refused

DO $$ BEGIN CREATE ROLE "adopt-talent" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE "adopt-talent" SET statement_timeout = '30s';
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "adopt-talent";
GRANT SELECT, INSERT, DELETE ON outbox TO "adopt-talent";
GRANT SELECT, INSERT ON talents TO "adopt-talent";

DO $$ BEGIN CREATE ROLE "keep-dead-letters" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE "keep-dead-letters" SET statement_timeout = '30s';
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "keep-dead-letters";
GRANT SELECT, INSERT ON dead_letter TO "keep-dead-letters";

DO $$ BEGIN CREATE ROLE "notify-interested" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE "notify-interested" SET statement_timeout = '30s';
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "notify-interested";
GRANT SELECT ON talents TO "notify-interested";

DO $$ BEGIN CREATE ROLE "read-inbox" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE "read-inbox" SET statement_timeout = '30s';
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "read-inbox";
GRANT SELECT ON interests TO "read-inbox";
GRANT SELECT, INSERT, UPDATE ON marks TO "read-inbox";
GRANT SELECT, INSERT, UPDATE ON seen TO "read-inbox";
GRANT SELECT ON talents TO "read-inbox";

DO $$ BEGIN CREATE ROLE "reconcile-views" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE "reconcile-views" SET statement_timeout = '30s';
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "reconcile-views";
GRANT SELECT, INSERT, DELETE ON outbox TO "reconcile-views";
GRANT SELECT ON talents TO "reconcile-views";

DO $$ BEGIN CREATE ROLE "register-talent" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE "register-talent" SET statement_timeout = '30s';
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "register-talent";
GRANT SELECT, INSERT, DELETE ON idempotency TO "register-talent";
GRANT SELECT, INSERT, DELETE ON outbox TO "register-talent";
GRANT SELECT, INSERT, UPDATE ON talents TO "register-talent";

DO $$ BEGIN CREATE ROLE "relay-outbox" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE "relay-outbox" SET statement_timeout = '30s';
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "relay-outbox";
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO "relay-outbox";

DO $$ BEGIN CREATE ROLE "set-interests" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE "set-interests" SET statement_timeout = '30s';
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "set-interests";
GRANT SELECT, INSERT, UPDATE, DELETE ON interests TO "set-interests";

DO $$ BEGIN CREATE ROLE "stream-inbox" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE "stream-inbox" SET statement_timeout = '30s';
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "stream-inbox";
GRANT SELECT ON interests TO "stream-inbox";
GRANT SELECT ON seen TO "stream-inbox";
GRANT SELECT ON talents TO "stream-inbox";

DO $$ BEGIN CREATE ROLE "update-stats" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE "update-stats" SET statement_timeout = '30s';
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "update-stats";
GRANT SELECT ON talents TO "update-stats";

COMMIT;
