// SPDX-License-Identifier: AGPL-3.0-or-later

package gate

import (
	"consend/internal/ground/store"
	"consend/internal/people/consent"
)

// ReasonSQL is the first reason against a campaign's mail to contact c by list l with its
// subscription s (LEFT JOIN), ” when nothing speaks against it: consent's, which begin with the
// person's own no. Counting, freezing and deciding read this text; its arguments are
// those of consent.Ground.Args.
const ReasonSQL = consent.ReasonSQL

var (
	askCampaign = store.Account("gate.campaign", `SELECT c.id AS id, c.email_norm AS norm, `+ReasonSQL+` AS reason,
 COALESCE(s.basis, '') AS basis, COALESCE(s.grade, '') AS grade, COALESCE(s.event_id, 0) AS event
 FROM contact c JOIN list l ON l.account_id = :account AND l.id = ?
 LEFT JOIN subscription s ON s.account_id = :account AND s.list_id = l.id AND s.contact_id = c.id
 WHERE c.account_id = :account AND c.id IN ?*`)

	askQuestion = store.Account("gate.question", `SELECT c.id AS id, c.email_norm AS norm, `+consent.AskSQL+` AS reason,
 COALESCE(s.basis, '') AS basis, COALESCE(s.grade, '') AS grade, COALESCE(s.event_id, 0) AS event
 FROM contact c JOIN list l ON l.account_id = :account AND l.id = ?
 LEFT JOIN subscription s ON s.account_id = :account AND s.list_id = l.id AND s.contact_id = c.id
 WHERE c.account_id = :account AND c.id IN ?*`)
	askSource = store.Account("gate.source", `SELECT c.id AS id, c.email_norm AS norm, `+consent.TellSQL+` AS reason
 FROM contact c WHERE c.account_id = :account AND c.id IN ?*`)

	// A sign-up that waits gets its mail unless the mailbox said "not me" since it was asked for, or an
	// authority forbade to write there: what is asked for after a "not me" came by a link from the
	// mailbox (form.Submit takes nothing else). The address is the contact's: one that bounced may be tried again, since
	// somebody has just typed it.
	askSignup = store.Account("gate.signup", `SELECT g.id AS id, c.email_norm AS norm, CASE
 WHEN g.state = 'not_me' OR EXISTS (SELECT 1 FROM confirm_block b WHERE b.account_id = :account AND b.fp = c.fp AND b.since >= g.requested_at) THEN 'said_not_me'
 WHEN c.state IN ('erasing', 'erased') THEN 'erasing'
 WHEN EXISTS (SELECT 1 FROM suppression u WHERE u.account_id = :account AND u.fp = c.fp AND u.reason = 'authority_order') THEN 'ordered'
 WHEN g.state <> 'pending' THEN 'not_pending'
 ELSE '' END AS reason
 FROM signup g JOIN contact c ON c.account_id = :account AND c.id = g.contact_id
 WHERE g.account_id = :account AND g.id IN ?*`)

	// The new mailbox of a change of address is asked once, like that of a sign-up; it is no contact's yet.
	askChange = store.Account("gate.change", `SELECT g.id AS id, g.address_norm AS norm, CASE
 WHEN EXISTS (SELECT 1 FROM confirm_block b WHERE b.account_id = :account AND b.fp = g.fp) THEN 'said_not_me'
 WHEN c.state IN ('erasing', 'erased') THEN 'erasing'
 WHEN EXISTS (SELECT 1 FROM suppression u WHERE u.account_id = :account AND u.fp = g.fp AND u.reason = 'authority_order') THEN 'ordered'
 WHEN g.state <> 'asked' OR g.ends_at <= :now THEN 'not_pending'
 ELSE '' END AS reason
 FROM address_change g JOIN contact c ON c.account_id = :account AND c.id = g.contact_id
 WHERE g.account_id = :account AND g.id IN ?*`)

	// What is owed to a contact needs no basis and no subscription; it isn't sent to somebody
	// who is being erased or was merged into another contact, nor to a mailbox that doesn't exist.
	askContact = store.Account("gate.contact", `SELECT c.id AS id, c.email_norm AS norm, CASE
 WHEN c.state IN ('erasing', 'erased') THEN 'erasing'
 WHEN c.merged_into <> 0 THEN 'merged'
 WHEN c.state = 'bounced' THEN 'bounced'
 ELSE '' END AS reason
 FROM contact c WHERE c.account_id = :account AND c.id IN ?*`)

	// What a person said and its proof are theirs (GDPR 15), also of the mailbox that was merged into another contact.
	askReceipt = store.Account("gate.receipt", `SELECT c.id AS id, c.email_norm AS norm, CASE
 WHEN c.state IN ('erasing', 'erased') THEN 'erasing'
 WHEN c.state = 'bounced' THEN 'bounced'
 ELSE '' END AS reason
 FROM contact c WHERE c.account_id = :account AND c.id IN ?*`)

	askMember = store.Account("gate.member", `SELECT m.id AS id, m.email_norm AS norm,
 CASE WHEN m.state = 'left' THEN 'gone' ELSE '' END AS reason
 FROM member m WHERE m.account_id = :account AND m.id IN ?*`)
	askOwner = store.Account("gate.owner", `SELECT m.id AS id, m.email_norm AS norm,
 CASE WHEN m.state <> 'active' THEN 'gone' WHEN m.role <> 'owner' THEN 'not_owner' ELSE '' END AS reason
 FROM member m WHERE m.account_id = :account AND m.id IN ?*`)

	carrier = store.Installation("gate.carrier", "a sending service of the account or of the house",
		`SELECT r.processor_id FROM relay r WHERE r.id = ? AND r.owner_id IN (0, :account) AND r.retired_at = 0`)
	addPermit = store.Account("gate.add_permit", `INSERT INTO permit
 (account_id, id, at, until_at, class, campaign_id, relay_id, processor_id, processor_version, dpa, transfer, documents, rulepack, people, left_out, entry_id)
 VALUES (:account, ?, :now, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	getPermit = store.Account("gate.get_permit", `SELECT p.id, p.at, p.until_at, p.class, p.campaign_id, p.relay_id, p.processor_id, p.processor_version,
 p.dpa, p.transfer, p.documents, p.rulepack, p.people, p.left_out, p.entry_id FROM permit p WHERE p.account_id = :account AND p.id = ?`)
)

var memberQuery = map[Class]*store.Query{Invitation: askMember, SignIn: askMember, Notice: askMember, Checkpoint: askOwner}
