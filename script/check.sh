#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Format, vet, lint, generated files. script/test.sh runs the tests.
set -u
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
fail=0
say() { echo "check: $*" >&2; fail=1; }

unformatted="$(gofmt -l cmd internal bench 2>/dev/null)"
[ -z "$unformatted" ] || say "gofmt: $unformatted"
go vet ./... || say "vet"
go tool -modfile=tool/go.mod staticcheck ./... || say "staticcheck"

# Generated files are those their sources make.
clean() { git diff --quiet -- "$@" && [ -z "$(git ls-files --others --exclude-standard -- "$@")" ]; }
script/templ.sh >/dev/null 2>&1 || say "templ generate"
clean 'internal/**/*_templ.go' 'internal/*_templ.go' || say "templ files changed: commit what script/templ.sh made"
go mod tidy -diff >/dev/null || say "go.mod or go.sum is not tidy: run go mod tidy"
if command -v npm >/dev/null; then
  script/assets.sh >/dev/null 2>&1 || say "assets"
  clean internal/web/shell/assets/dist || say "bundled assets changed: commit what script/assets.sh made"
else
  echo "check: no npm here, the bundled assets are not compared" >&2
fi
exit $fail
