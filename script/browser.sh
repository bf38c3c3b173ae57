# SPDX-License-Identifier: AGPL-3.0-or-later
# Finds or installs Chromium and Node for the journeys and exports CONSEND_TEST_CHROMIUM.
# Source it. When they can't be had it says so in one line (a failure if CONSEND_TEST_REQUIRE names chromium).

consend_browser() {
  need=""
  command -v chromium >/dev/null || [ -x /usr/bin/chromium ] || need="chromium"
  command -v node >/dev/null || need="$need nodejs"
  command -v npm >/dev/null || need="$need npm"
  if [ -n "$need" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    # shellcheck disable=SC2086
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $need fonts-dejavu-core; } >/dev/null 2>&1
  fi
  chromium="$(command -v chromium || true)"
  if [ -z "$chromium" ] || ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "Chromium or Node: not found and not installable here; the journeys are left out" >&2
    return 1
  fi
  if ! (cd test/journeys && { [ -d node_modules/playwright-core ] && [ node_modules -nt package-lock.json ] || npm ci --no-audit --no-fund --ignore-scripts; }) >/dev/null 2>&1; then
    echo "playwright-core: npm could not install it; the journeys are left out" >&2
    return 1
  fi
  touch test/journeys/node_modules
  CONSEND_TEST_CHROMIUM="$chromium"
  export CONSEND_TEST_CHROMIUM
}
consend_browser || case ",${CONSEND_TEST_REQUIRE}," in *,chromium,*) echo "Chromium is required here" >&2; exit 1;; esac
