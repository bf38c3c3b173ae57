// SPDX-License-Identifier: AGPL-3.0-or-later

package account

import (
	"consend/internal/ground/store"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

func wrote(tx *store.Tx, action string, clear, private proof.Fields) error {
	_, err := trace.Append(tx, trace.Act{Action: action, Object: "account", ObjectID: tx.Account(), Clear: clear, Private: private})
	return err
}

// split parts the details: codes may be read for ever, names and addresses are committed.
func (d Details) split() (clear, private proof.Fields) {
	return proof.Fields{"country": d.Country, "rules": d.Rules, "language": d.Language, "zone": d.Zone, "colour": d.Colour, "sending": string(d.Sending)},
		proof.Fields{"name": d.Name, "postal": d.Postal, "data_name": d.DataName.Raw(), "data_email": d.DataEmail.Raw()}
}

// changes names what differs, with what was before and what is now.
func changes(before, after proof.Fields) proof.Fields {
	out := proof.Fields{}
	for n, v := range after {
		if before[n] != v {
			out["before."+n], out["after."+n] = before[n], v
		}
	}
	return out
}
