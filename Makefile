# SPDX-License-Identifier: AGPL-3.0-or-later
help:      ## list the commands
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12
.PHONY: help
