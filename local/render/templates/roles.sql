-- The roles of PostgreSQL, rendered by go run ./local render: one a function, which may do what the statements
-- in its code do, and nothing else. Run it as the owner of the schema, after each migration:
--
--   psql "$SQL_ADMIN_URL" --set=ON_ERROR_STOP=1 --file=infra/knative/postgres/roles.sql
--
-- It gives no passwords, and takes none away: \password "read-inbox"

BEGIN;  -- or who asks between REVOKE and GRANT is refused
{{- range .Roles}}

DO $$ BEGIN CREATE ROLE "{{.Name}}" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE "{{.Name}}" SET statement_timeout = '30s';
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "{{.Name}}";
{{- $role := .Name}}
{{- range .Grants}}
GRANT {{range $i, $r := .Rights}}{{if $i}}, {{end}}{{$r}}{{end}} ON {{.Table}} TO "{{$role}}";
{{- end}}
{{- end}}

COMMIT;
