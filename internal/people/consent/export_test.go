// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

// Stride makes the register stop after few events, and gives back what it was.
func Stride(events, times int) (was func()) {
	a, b := stride, strides
	stride, strides = events, times
	return func() { stride, strides = a, b }
}
