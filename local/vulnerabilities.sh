#!/usr/bin/env bash
# Looks for known vulnerabilities that the code can reach. Where the database of
# vulnerabilities cannot be asked, that is said and is no failure: nothing in the
# repository could mend it.
set -uo pipefail
out=$(go run golang.org/x/vuln/cmd/govulncheck@v1.8.0 ./... 2>&1)
code=$?
echo "$out"
if [ $code -ne 0 ] && grep -q 'fetching vulnerabilities' <<<"$out"; then
  echo "govulncheck: NOT CHECKED, because the vulnerability database cannot be reached from this machine" >&2
  exit 0
fi
exit $code
