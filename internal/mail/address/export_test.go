// SPDX-License-Identifier: AGPL-3.0-or-later

package address

// Full is the slow path, to compare the fast one with.
func Full(s string) (Address, error) { return full(trim(s)) }
