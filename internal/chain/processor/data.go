// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	return []datamap.Table{{Store: datamap.Main, Name: "processor", Few: true, Columns: []datamap.Column{
		none("id", "an id we assign"), none("owner_id", "the account, or 0"), none("kind", "one of a few words"),
		none("name", "name of a company"), none("country", "country of a company"), none("role", "one of a few words"), none("place", "one of a few words"),
		none("dpa", "one of a few words"), none("dpa_version", "name of a text"), none("dpa_url", "where a company publishes a text"),
		none("dpa_from", "date of an agreement"), none("dpa_until", "date of an agreement"), none("paper_until", "date of an agreement"),
		none("mechanism", "one of a few words"), none("mechanism_from", "date of a mechanism"), none("mechanism_until", "date of a mechanism"),
		none("mechanism_checked", "when a mechanism was looked at"), none("review_due", "when a company is to be asked again"),
		none("state", "one of a few words"), none("state_at", "when it was decided"),
		datamap.Personal("state_by", datamap.PD{Category: "pseudonym", Whose: datamap.Members, Purposes: []string{"accountability"}, Basis: "GDPR 6(1)(c), 5(2), 28",
			Retention: "trace", Erasure: datamap.Keep, Export: datamap.Access, ExportName: "provider.decided_by", Key: datamap.Clear, Why: "who decided about a provider stays provable"}),
		datamap.Personal("state_why", datamap.PD{Category: "free_text", Whose: datamap.Members, Purposes: []string{"accountability"}, Basis: "GDPR 6(1)(c), 5(2), 28",
			Retention: "trace", Erasure: datamap.Keep, Export: datamap.Access, ExportName: "provider.why", Key: datamap.Clear, Why: "why a provider was stopped stays provable"}),
		none("catalogue", "an entry of our catalogue"), none("version", "counts changes"), none("made_at", "when it was written down"),
	}}}
}
