#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# All tests: Go on SQLite and PostgreSQL, and beside them the journeys in a browser.
set -u
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
. script/postgres.sh
fail=0
journeys=""
if [ -f test/journeys/package.json ]; then
  . script/browser.sh
  if [ -n "${CONSEND_TEST_CHROMIUM:-}" ]; then
    # A journey waits more than it works: beside the tests it costs little time.
    mkdir -p bin && said=$(mktemp) || exit 1
    trap 'rm -f "$said"' EXIT
    trap 'kill $journeys 2>/dev/null; exit 130' INT TERM
    go build -o bin/ ./cmd/... || exit 1 # flags as below: what is compiled serves both
    (cd test/journeys && exec node --test --test-concurrency=2) >"$said" 2>&1 &
    journeys=$!
  fi
fi
# What vet says, script/check.sh says for the whole house; symbols nobody reads are not linked; three
# packages at once, since they wait for the disk and the databases. A slow machine is no failure: the limit is
# against what never ends.
go test -timeout 40m -vet=off -ldflags="-s -w" -p 3 ${GOTESTFLAGS:-} ./... || fail=1
if [ -n "$journeys" ]; then
  wait "$journeys" || fail=1
  cat "$said"
fi
exit $fail
