#!/usr/bin/env bash
# Installs what the tests want beside Go and is missing here: PostgreSQL, Redis, Java
# and Maven for Apache Kafka, a Chromium for the page, and the tools of Prometheus and
# Alertmanager. It does where that needs no question (root on Debian); otherwise it says
# what is missing, and goes on. The servers are started by go run ./local parts.
set -euo pipefail

any() { for program; do ! command -v "$program" >/dev/null || return 0; done; return 1; }
postgres() { compgen -G '/usr/lib/postgresql/*/bin/initdb' || compgen -G '/opt/homebrew/opt/postgresql@*/bin/initdb' ||
  compgen -G '/usr/local/opt/postgresql@*/bin/initdb' || any initdb; } >/dev/null

# look calls $1 with each thing that is missing: its Debian packages, its Homebrew
# ones, and what is not tested without it.
look() {
  postgres || "$1" postgresql postgresql 'real PostgreSQL and houses on real parts'
  any redis-server || "$1" redis-server redis 'real Redis and houses on real parts'
  { any java && any mvn; } || "$1" 'default-jre-headless maven' 'openjdk maven' 'real Kafka and houses on real parts'
  any chromium chromium-browser google-chrome headless_shell || "$1" chromium '--cask chromium' 'the page'
  any promtool || "$1" prometheus prometheus 'the rules of alerts and the queries of dashboards'
  any amtool || "$1" prometheus-alertmanager alertmanager 'who hears of an alert'
  { any jq && any curl; } || "$1" 'curl jq' 'curl jq' 'the runbooks'
}

packages=()
want() { read -ra some <<<"$1"; packages+=("${some[@]}"); }
look want
if [ ${#packages[@]} -gt 0 ] && any apt-get && [ "$(id -u)" = 0 ]; then
  echo "install: installing ${packages[*]}" >&2
  # Only the programs are wanted: PostgreSQL without a cluster of its own, and no server is started.
  mkdir -p /etc/postgresql-common
  [ -f /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    trap 'rm -f '$policy EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy
  fi
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"; } >/dev/null ||
    echo "install: apt-get failed" >&2
fi
say() { echo "install: MISSING: $1: tests of $3 are SKIPPED, and with CI=true they fail (apt-get install $1, or brew install $2)" >&2; }
look say
