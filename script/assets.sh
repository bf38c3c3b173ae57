#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Builds internal/web/shell/assets/dist from npm packages. CI runs it and compares.
set -eu
cd "$(dirname "$0")/../internal/web/shell/assets"
npm ci --ignore-scripts --no-audit --no-fund --silent
exec node build.mjs
