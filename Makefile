# SPDX-License-Identifier: AGPL-3.0-or-later
export CGO_ENABLED = 0

help:      ## list the commands
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run:       ## build and start a demo at http://localhost:8080, with its data in ./data
	@go build -trimpath -o bin/ ./cmd/... && exec bin/consend serve --demo --data data

build:     ## build bin/consend and bin/consend-verify
	go build -trimpath -ldflags '-s -w' -o bin/ ./cmd/...

test:      ## every test, on SQLite and PostgreSQL, and the journeys in a browser
	@script/test.sh

soak:      ## the long tests: kills, races and faults with many trials
	@CONSEND_TEST_SOAK=1 GOTESTFLAGS="-timeout 60m" script/test.sh

check:     ## format, vet, lint, generated files, then every test
	@script/check.sh && script/test.sh

golden:    ## write the list of statements that are bound to no account: read what changed
	@CONSEND_GOLDEN=write go test -count=1 -run TestTheListOfInstallationStatements ./internal/app

bench:     ## our figures beside a floor of the same shape, on the same machine
	@script/bench.sh

clean:     ## remove what was built (not ./data)
	rm -rf bin

.PHONY: help run build test soak check golden bench clean
