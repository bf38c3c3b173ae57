// SPDX-License-Identifier: AGPL-3.0-or-later

// Package plan holds a test alone: it looks at how both databases would run every statement of
// the program, on an empty house and on one of 100,000 people.
package plan
