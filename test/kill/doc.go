// SPDX-License-Identifier: AGPL-3.0-or-later

// Package kill holds the promise that acknowledged means durable: a kill of the process at any
// moment loses nothing that was answered, does nothing twice, leaves nothing half done, and what
// is in doubt is shown as in doubt.
//
// Its tests start the real program, end it by SIGKILL at random moments, start it again on the
// same data, and hold what is there against what the test itself was told: answers of pages, and
// the messages a mail server took. A kill of the process is not a loss of power: what the system
// was handed, it keeps.
//
//	CONSEND_TEST_SOAK=1     many trials instead of a few
//	CONSEND_TEST_SEED=N     the random moments of an earlier run (each run prints its own)
//	CONSEND_TEST_KILLS=N    how many kills of each kind and database
package kill
