// SPDX-License-Identifier: AGPL-3.0-or-later

package forms

// SetTableMax narrows what one table of sign-ups holds, until what it gives is called.
func SetTableMax(n int) func() {
	was := tableMax
	tableMax = n
	return func() { tableMax = was }
}
