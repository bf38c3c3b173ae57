// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"strconv"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// record writes the entry of a change, with the record as it is after it. Company and reason
// are words of people, and so are committed only.
func record(tx *store.Tx, action string, r Record, why string) error {
	clear := proof.Fields{
		"kind": string(r.Kind), "country": r.Country, "as": string(r.Role), "place": string(r.Place), "state": string(r.State),
		"version": strconv.FormatInt(r.Version, 10), "dpa": string(r.DPA.Status),
	}
	for name, v := range map[string]string{"dpa_from": r.DPA.From.String(), "dpa_until": r.DPA.Until.String(), "paper_until": r.DPA.PaperUntil.String(),
		"mechanism": string(r.Transfer.Mechanism), "mechanism_until": r.Transfer.Until.String(), "catalogue": r.Catalogue} {
		if v != "" {
			clear[name] = v
		}
	}
	private := proof.Fields{"name": r.Name}
	for name, v := range map[string]string{"why": why, "dpa_version": r.DPA.Version, "dpa_url": r.DPA.URL} {
		if v != "" {
			private[name] = v
		}
	}
	_, err := trace.Append(tx, trace.Act{Action: action, Object: "processor", ObjectID: r.ID, Clear: clear, Private: private})
	return err
}

// by is the member who acts; 0 is the command line.
func by(tx *store.Tx) int64 {
	if tx.Who.Kind == actor.Member {
		return tx.Who.ID
	}
	return 0
}
