#!/usr/bin/env bash
# Runs a command beside a real PostgreSQL and a real Redis, which it starts on
# free ports with data in a temporary folder, and stops afterwards:
#
#   local/real-parts.sh go test ./...
#
# The command finds them in TEST_DATABASE_URL and TEST_REDIS_URL. Where they are
# set already, those servers are used. Where the programs are missing, and a
# Chromium for the page and Java and Maven for a real Kafka, they are installed if
# that needs no question (root on Debian); otherwise the command runs without
# them, which is said, and its tests skip.
set -euo pipefail

if [ -n "${TEST_DATABASE_URL:-}" ] && [ -n "${TEST_REDIS_URL:-}" ]; then
  exec "$@"
fi

pg_bin() { ls -d /usr/lib/postgresql/*/bin "$(dirname "$(command -v initdb || echo /none/x)")" 2>/dev/null | sort -V | tail -1; }
missing() { ! command -v redis-server >/dev/null || [ ! -x "$(pg_bin)/initdb" ]; }
no_browser() { ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; }
no_java() { ! command -v java >/dev/null || ! command -v mvn >/dev/null; }

if { missing || no_browser || no_java; } && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  echo "real-parts: installing what is missing of PostgreSQL, Redis, Chromium, Java and Maven" >&2
  java=()
  if no_java; then java=(default-jre-headless maven); fi
  # Without a cluster of their own: only the programs are wanted.
  mkdir -p /etc/postgresql-common
  [ -f /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  (apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends postgresql redis-server chromium "${java[@]}") >/dev/null
fi
if no_java; then
  echo "real-parts: no Java or no Maven: the test of a real Kafka is SKIPPED (apt-get install default-jre-headless maven, or brew install openjdk maven)" >&2
fi
if no_browser; then
  echo "real-parts: no Chromium: the test of the page is SKIPPED (apt-get install chromium, or brew install --cask chromium)" >&2
fi
if missing; then
  echo "real-parts: PostgreSQL or Redis is not installed: tests on them are SKIPPED (apt-get install postgresql redis-server, or brew install postgresql redis)" >&2
  exec "$@"
fi

bin=$(pg_bin)
dir=$(mktemp -d)
as=()
if [ "$(id -u)" = 0 ]; then # PostgreSQL refuses to run as root
  chown postgres "$dir"
  as=(setpriv --reuid=postgres --regid=postgres --init-groups env HOME="$dir")
fi
stop() {
  "${as[@]}" "$bin/pg_ctl" -D "$dir/pg" -m immediate stop >/dev/null 2>&1 || true
  [ -z "${redis:-}" ] || kill "$redis" 2>/dev/null || true
  rm -rf "$dir"
}
trap stop EXIT

free_port() { # one that nobody listens on
  local p
  while p=$((20000 + RANDOM % 12000)); (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; do :; done
  echo "$p"
}
pg_port=$(free_port) redis_port=$(free_port)
(cd "$dir" && "${as[@]}" "$bin/initdb" -D "$dir/pg" -U somssi -A trust -E UTF8 --no-sync >"$dir/initdb.log")
# fsync=off is for speed: these tests kill no machine. synchronous_commit stays on, as the functions demand.
(cd "$dir" && "${as[@]}" "$bin/pg_ctl" -D "$dir/pg" -w -l "$dir/pg.log" \
  -o "-p $pg_port -k $dir -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=500" start >/dev/null)
redis-server --port "$redis_port" --bind 127.0.0.1 --databases 4096 --save '' --appendonly no --dir "$dir" >"$dir/redis.log" &
redis=$!
until (exec 3<>"/dev/tcp/127.0.0.1/$redis_port") 2>/dev/null; do sleep 0.05; done

export TEST_DATABASE_URL="postgres://somssi@127.0.0.1:$pg_port/postgres?sslmode=disable"
export TEST_REDIS_URL="redis://127.0.0.1:$redis_port"
"$@"
