#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# All tests: Go on SQLite and PostgreSQL, then the journeys in a browser.
set -u
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
. script/postgres.sh
fail=0
go test ${GOTESTFLAGS:-} ./... || fail=1
if [ -f test/journeys/package.json ]; then
  . script/browser.sh
  if [ -n "${CONSEND_TEST_CHROMIUM:-}" ]; then
    mkdir -p bin && go build -trimpath -o bin/ ./cmd/... || fail=1
    (cd test/journeys && node --test --test-concurrency=2) || fail=1
  fi
fi
exit $fail
