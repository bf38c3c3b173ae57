// SPDX-License-Identifier: AGPL-3.0-or-later

package login

import "github.com/alexedwards/argon2id"

// Matched calls f before every check of a password against a kept one.
func (k *Keeper) Matched(f func(hash string)) {
	k.match = func(password, hash string) (bool, error) {
		f(hash)
		return argon2id.ComparePasswordAndHash(password, hash)
	}
}
