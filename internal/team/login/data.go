// SPDX-License-Identifier: AGPL-3.0-or-later

package login

import "consend/internal/ground/datamap"

// Data is the room's part of the data map.
func Data() []datamap.Table {
	none := datamap.None
	own := func(name, category, rule string, key datamap.Key) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: category, Whose: datamap.Members, Purposes: []string{"security"},
			Basis: "GDPR 6(1)(f), 32", Retention: rule, Erasure: datamap.Delete, Export: datamap.Access,
			ExportName: "login." + name, Key: key})
	}
	secret := func(name, why string, key datamap.Key) datamap.Column {
		return datamap.Personal(name, datamap.PD{Category: "login.secret", Whose: datamap.Members, Purposes: []string{"security"},
			Basis: "GDPR 6(1)(f), 32", Retention: "retention.trace_staff", Erasure: datamap.Delete, Export: datamap.NoExport,
			Why: why, Key: key})
	}
	const staff, short = "retention.trace_staff", "retention.trace"
	return []datamap.Table{
		{Store: datamap.Main, Name: "login", Few: true, Columns: []datamap.Column{
			none("id", "an id we assign"), own("email_norm", "member.email", staff, datamap.Clear),
			secret("password", "a slow salted hash", datamap.Hashed), own("password_at", "login.activity", staff, datamap.Clear),
			secret("totp", "it would let whoever reads the export sign in", datamap.AccountKey),
			own("totp_at", "login.activity", staff, datamap.Clear), none("totp_step", "a counter"),
			own("made_at", "login.activity", staff, datamap.Clear)}},
		{Store: datamap.Main, Name: "recovery_code", Few: true, Columns: []datamap.Column{
			none("login_id", "an id we assign"), secret("hash", "a hash of a random code", datamap.Hashed),
			own("used_at", "login.activity", staff, datamap.Clear)}},
		{Store: datamap.Main, Name: "session", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("hash", "a hash of a random token"),
			none("member_id", "an id we assign"), none("login_id", "an id we assign"), none("grant_id", "an id we assign"),
			own("agent", "network.agent", short, datamap.Clear), own("made_at", "login.activity", short, datamap.Clear),
			own("seen_at", "login.activity", short, datamap.Clear), own("fresh_at", "login.activity", short, datamap.Clear),
			none("expires_at", "when it ends")}},
		{Store: datamap.Main, Name: "link", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("hash", "a hash of a random token"), none("kind", "one of a few words"),
			none("member_id", "an id we assign"), none("tries", "a count"), none("made_at", "when it was made"),
			none("expires_at", "when it ends"), own("used_at", "login.activity", short, datamap.Clear)}},
		{Store: datamap.Main, Name: "setup_link", Few: true, Columns: []datamap.Column{
			none("hash", "a hash of a random token"), none("made_at", "when it was made"), none("expires_at", "when it ends"),
			none("used_at", "when the house was set up")}},
		{Store: datamap.Main, Name: "attempt", Columns: []datamap.Column{
			datamap.Personal("hash", datamap.PD{Category: "network.attempt", Whose: datamap.Members, Purposes: []string{"security"},
				Basis: "GDPR 6(1)(f), 32", Retention: short, Erasure: datamap.Delete, Export: datamap.NoExport,
				Why: "a keyed hash of address and network; gone after a day", Key: datamap.Hashed}),
			none("minute", "minutes since 1970"), none("count", "a count"), none("last_at", "when it was last counted")}},
	}
}
