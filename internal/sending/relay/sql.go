// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import "consend/internal/ground/store"

// Relays of the house serve every account, so the table is the installation's; every statement
// binds the owner to the transaction's account, which callers can't give.
const shared = "an account reads its own sending services and the house's"

const columns = `r.id, r.owner_id, r.kind, r.name, r.addr, r.tls, r.login, r.processor_id, r.rate, r.lanes, r.standard_at, r.retired_at, r.version, r.made_at`

var (
	find = store.Installation("relay.find", shared, `SELECT `+columns+` FROM relay r WHERE r.id = ? AND r.owner_id IN (0, :account)`)
	all  = store.Installation("relay.all", shared,
		`SELECT `+columns+` FROM relay r WHERE r.owner_id IN (0, :account) AND r.retired_at = 0 ORDER BY r.id LIMIT 1000`)
	chosen = store.Account("relay.chosen",
		`SELECT `+columns+` FROM relay_choice c JOIN relay r ON r.id = c.relay_id WHERE c.account_id = :account AND r.owner_id IN (0, :account) AND r.retired_at = 0`)
	standard = store.Installation("relay.standard", "what accounts use that have not chosen",
		`SELECT `+columns+` FROM relay r WHERE r.owner_id = 0 AND r.standard_at > 0 AND r.retired_at = 0 ORDER BY r.standard_at DESC, r.id DESC LIMIT 1`)
	add = store.Installation("relay.add", "a sending service of the account or of the house", `INSERT INTO relay
 (id, owner_id, kind, name, addr, tls, login, password_ct, processor_id, rate, lanes, standard_at, retired_at, version, made_at)
 VALUES (?, :account, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 1, :now)`)
	setStandard = store.Installation("relay.set_standard", "the house's own choice", `UPDATE relay SET standard_at = :now WHERE id = ? AND owner_id = 0`)
	setChosen   = store.Account("relay.set_chosen",
		`INSERT INTO relay_choice (account_id, relay_id, at) VALUES (:account, ?, :now) ON CONFLICT (account_id) DO UPDATE SET relay_id = excluded.relay_id, at = excluded.at`)
	unchoose    = store.Account("relay.unchoose", `DELETE FROM relay_choice WHERE account_id = :account AND relay_id = ?`)
	retire      = store.Installation("relay.retire", shared, `UPDATE relay SET retired_at = :now, version = version + 1 WHERE id = ? AND owner_id IN (0, :account)`)
	setPassword = store.Installation("relay.set_password", shared,
		`UPDATE relay SET login = ?, password_ct = ?, version = version + 1 WHERE id = ? AND owner_id IN (0, :account)`)

	// The sender opens connections for any account; whose mail may use one, the permit says.
	open = store.Installation("relay.open", "the sender opens a connection before it knows whose mail goes over it",
		`SELECT `+columns+`, r.password_ct FROM relay r WHERE r.id = ?`)
	lockRate = store.Installation("relay.lock_rate", "one budget per service over all accounts", `SELECT t.second, t.used FROM relay_rate t WHERE t.relay_id = ? :lock`)
	setRate  = store.Installation("relay.set_rate", "one budget per service over all accounts",
		`INSERT INTO relay_rate (relay_id, second, used) VALUES (?, ?, ?) ON CONFLICT (relay_id) DO UPDATE SET second = excluded.second, used = excluded.used`)

	catch = store.Account("relay.catch", `INSERT INTO mailbox_message
 (account_id, id, at, class, contact_id, signup_id, member_id, permit_id, size, head_ct, raw_ct) VALUES (:account, ?, :now, ?, ?, ?, ?, ?, ?, ?, ?)`)
	capMailbox = store.Account("relay.cap_mailbox", `DELETE FROM mailbox_message AS d WHERE d.account_id = :account AND d.id <= (
 SELECT m.id FROM mailbox_message m WHERE m.account_id = :account ORDER BY m.id DESC LIMIT 1 OFFSET ?)`)
	pageMailbox = store.Account("relay.page_mailbox", `SELECT m.id, m.at, m.class, m.contact_id, m.signup_id, m.member_id, m.permit_id, m.size, m.head_ct
 FROM mailbox_message m WHERE m.account_id = :account AND m.id < ? ORDER BY m.id DESC LIMIT ?`)
	countMailbox = store.Account("relay.count_mailbox", `SELECT count(*) FROM mailbox_message m WHERE m.account_id = :account`)
	readMailbox  = store.Account("relay.read_mailbox", `SELECT m.id, m.at, m.class, m.contact_id, m.signup_id, m.member_id, m.permit_id, m.size, m.head_ct, m.raw_ct
 FROM mailbox_message m WHERE m.account_id = :account AND m.id = ?`)
	emptyMailbox    = store.Account("relay.empty_mailbox", `DELETE FROM mailbox_message WHERE account_id = :account AND id <= ?`)
	mailboxAccounts = store.Installation("relay.mailbox_accounts", "a sweep goes over all accounts", `SELECT DISTINCT account_id FROM mailbox_message`)
	dropPeople      = store.Account("relay.drop_people", `DELETE FROM mailbox_message WHERE account_id = :account AND contact_id IN ?*`)
	dropSignups     = store.Account("relay.drop_signups", `DELETE FROM mailbox_message WHERE account_id = :account AND signup_id <> 0 AND signup_id IN ?*`)
	oldMailbox      = store.Account("relay.old_mailbox", `DELETE FROM mailbox_message WHERE account_id = :account AND at < ?`)
)
