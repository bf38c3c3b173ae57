#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Takes the pictures of docs/pictures again, from the demo, in a real browser.
set -eu
cd "$(dirname "$0")/.."
CONSEND_TEST_REQUIRE=chromium
export CONSEND_TEST_REQUIRE
. script/browser.sh
export CGO_ENABLED=0
go build -trimpath -o bin/ ./cmd/...
node test/journeys/pictures.mjs
ls -l docs/pictures
