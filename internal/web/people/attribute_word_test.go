// SPDX-License-Identifier: AGPL-3.0-or-later

package people_test

import (
	"fmt"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/people/contact"
)

func TestTheBasisOfASensitiveAttributeSaysWhoseWordItIs(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		var id int64
		o.write(o.who, func(tx *store.Tx) error {
			all, err := contact.EnsureAttributes(tx, []contact.Attribute{{Name: "ALLERGIES", Type: contact.TypeText}})
			id = all[0].ID
			return err
		})
		contains(t, o.get(fmt.Sprintf("/attributes/%d", id)), say(o, "this is your account’s own word", "c’est la parole de votre compte"))
	})
}
