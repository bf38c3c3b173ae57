#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Makes the *_templ.go beside the templ files. CI runs it and compares.
set -eu
cd "$(dirname "$0")/.."
for room in internal/web internal/people/form; do
  go tool -modfile=tool/go.mod templ generate -path $room
done
