// SPDX-License-Identifier: AGPL-3.0-or-later

package compose

// AppendQuoted is tested against the standard library's reader.
var AppendQuoted = appendQuoted
