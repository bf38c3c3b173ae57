// SPDX-License-Identifier: AGPL-3.0-or-later

package member

import (
	"consend/internal/ground/store"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Wrote appends an act about a member: for this room and for access.
func Wrote(tx *store.Tx, action string, m Member, clear, private proof.Fields) error {
	_, err := trace.Append(tx, trace.Act{Action: action, Object: "member", ObjectID: m.ID, Person: m.Person(), Clear: clear, Private: private})
	return err
}
