// SPDX-License-Identifier: AGPL-3.0-or-later

package member

import (
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// ChangedFact asks for the notice of an act that changed how a member comes in, or what they may
// do; ref is the act's entry.
const ChangedFact job.Kind = "member.changed"

// Changed is Wrote for such an act: whoever did it, the member hears of it by mail.
func Changed(tx *store.Tx, action string, m Member, clear, private proof.Fields) error {
	entry, err := trace.Append(tx, trace.Act{Action: action, Object: "member", ObjectID: m.ID, Person: m.Person(), Clear: clear, Private: private})
	if err == nil && m.State == Active {
		job.Post(tx, ChangedFact, entry)
	}
	return err
}

// Wrote appends an act about a member: for this room and for access.
func Wrote(tx *store.Tx, action string, m Member, clear, private proof.Fields) error {
	_, err := trace.Append(tx, trace.Act{Action: action, Object: "member", ObjectID: m.ID, Person: m.Person(), Clear: clear, Private: private})
	return err
}
