// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import "consend/internal/ground/store"

var addEventColumns = []store.Column{{Name: "contact_id"}, {Name: "list_id"}, {Name: "seq"}, {Name: "id"},
	{Name: "kind", Type: store.Text}, {Name: "verdict", Type: store.Text}, {Name: "state", Type: store.Text}, {Name: "basis", Type: store.Text},
	{Name: "basis_ref", Type: store.Text}, {Name: "basis_family", Type: store.Text}, {Name: "optout_offered", Type: store.Bool}, {Name: "grade", Type: store.Text}, {Name: "lacks", Type: store.Text},
	{Name: "source", Type: store.Text}, {Name: "method", Type: store.Text}, {Name: "occurred_at"}, {Name: "recorded_at"}, {Name: "confirmed_at"},
	{Name: "request_event"}, {Name: "form_version_id"}, {Name: "note_version_id"}, {Name: "text_sha256", Type: store.Bytes},
	{Name: "note_sha256", Type: store.Bytes}, {Name: "evidence_sha256", Type: store.Bytes}, {Name: "language", Type: store.Text},
	{Name: "page", Type: store.Text}, {Name: "import_id"}, {Name: "import_row"}, {Name: "declared_by"}, {Name: "evidence_id"},
	{Name: "actor_kind", Type: store.Text}, {Name: "actor_id"}, {Name: "entry_id"}, {Name: "entry_index"}}

var subscription = []store.Column{{Name: "list_id"}, {Name: "contact_id"}, {Name: "state", Type: store.Text}, {Name: "basis", Type: store.Text},
	{Name: "grade", Type: store.Text}, {Name: "said"}, {Name: "said_at"}, {Name: "seq"}, {Name: "event_id"}, {Name: "since"}}

// fits is whether an event is one that is asked for: list, purpose, recorded from, recorded before.
const fits = `AND (CAST(? AS BIGINT) = 0 OR e.list_id = CAST(? AS BIGINT)) AND (CAST(? AS BIGINT) = 0 OR l.purpose_id = CAST(? AS BIGINT))
	AND e.recorded_at >= ? AND e.recorded_at < ?`

// What a line of the register is made of, and which lines are asked for.
const (
	lineColumns = `e.contact_id, c.email, e.list_id, l.name AS list_name, p.name AS purpose_name, e.seq, e.kind, e.verdict, e.state, e.basis, e.grade,
		e.source, e.method, e.form_version_id, e.import_id, e.occurred_at, e.recorded_at, e.entry_id`
	lineJoins = `JOIN contact c ON c.account_id = :account AND c.id = e.contact_id JOIN list l ON l.account_id = :account AND l.id = e.list_id
		JOIN purpose p ON p.account_id = :account AND p.id = l.purpose_id`
	lineFits = `(e.contact_id < ? OR e.list_id > ? OR e.list_id = ? AND e.seq < ?) AND c.state NOT IN ('erasing', 'erased') ` + fits + `
		AND (CAST(? AS {text}) = '' OR e.kind = CAST(? AS {text})) AND (CAST(? AS {text}) = '' OR e.state = CAST(? AS {text}))
		AND (CAST(? AS {text}) = '' OR e.basis = CAST(? AS {text})) AND (CAST(? AS {text}) = '' OR e.grade = CAST(? AS {text}))
		AND (CAST(? AS {text}) = '' OR e.source = CAST(? AS {text})) AND (CAST(? AS BIGINT) = 0 OR e.import_id = CAST(? AS BIGINT))
		ORDER BY e.contact_id DESC, e.list_id, e.seq DESC LIMIT ?`
)

// bindsMore tells whether the no of the old address takes the place of the other one's.
const bindsMore = `suppression.reason <> 'authority_order'
		AND (excluded.reason = 'authority_order' OR suppression.reason = 'hard_bounce' OR excluded.since > suppression.since)`

// notMerged leaves out who went into another contact: they are one person, and counted there.
const notMerged = `AND s.contact_id NOT IN (SELECT c.id FROM contact c WHERE c.account_id = :account AND c.merged_into <> 0) `

var (
	states = store.Account("consent.states", `SELECT s.contact_id, s.list_id, s.state, s.basis, s.grade, s.said, s.said_at, s.seq, s.event_id, s.since
		FROM subscription s WHERE s.account_id = :account AND s.contact_id IN ?* AND s.list_id IN ?*`)
	bars = store.Account("consent.bars", `SELECT x.fp, x.scope, x.scope_id, x.reason, x.since
		FROM suppression x WHERE x.account_id = :account AND x.fp IN ?#`)

	addEvents = store.Load("consent.add_events", "consent_event", addEventColumns, "")

	// Of people whom the act itself made nothing stands yet: nothing is looked for.
	begin   = store.Load("consent.begin", "subscription", subscription, "")
	project = store.Load("consent.project", "subscription", subscription,
		`ON CONFLICT (account_id, list_id, contact_id) DO UPDATE SET state = excluded.state, basis = excluded.basis, grade = excluded.grade,
		said = excluded.said, said_at = excluded.said_at, seq = excluded.seq, event_id = excluded.event_id, since = excluded.since`)

	addOriginColumns = []store.Column{{Name: "contact_id"}, {Name: "event_id"}, {Name: "ip_ct", Type: store.Bytes},
		{Name: "ip_source", Type: store.Text}, {Name: "ua_ct", Type: store.Bytes}, {Name: "recorded_at"}}
	addOrigins = store.Load("consent.add_origins", "consent_origin", addOriginColumns, "")
	addText    = store.Account("consent.add_text", `INSERT INTO consent_text (account_id, sha256, body, created_at) VALUES (:account, ?, ?, :now)
		ON CONFLICT (account_id, sha256) DO NOTHING`)
	text = store.Account("consent.text", `SELECT t.body FROM consent_text t WHERE t.account_id = :account AND t.sha256 = ?`)

	events = store.Account("consent.events", `SELECT e.contact_id, e.list_id, e.seq, e.id, e.kind, e.verdict, e.state, e.basis, e.basis_ref, e.basis_family,
		e.optout_offered, e.grade, e.lacks, e.source, e.method, e.occurred_at, e.recorded_at, e.confirmed_at, e.request_event, e.form_version_id, e.note_version_id,
		e.text_sha256, e.note_sha256, e.evidence_sha256, e.language, e.page, e.import_id, e.import_row, e.declared_by, e.evidence_id, e.actor_kind, e.actor_id,
		e.entry_id, e.entry_index, o.ip_ct, COALESCE(o.ip_network, '') AS ip_network, COALESCE(o.ip_source, '') AS ip_source, o.ua_ct, COALESCE(o.shortened_at, 0) AS shortened_at
		FROM consent_event e LEFT JOIN consent_origin o ON o.account_id = :account AND o.contact_id = e.contact_id AND o.event_id = e.id
		WHERE e.account_id = :account AND e.contact_id = ? ORDER BY e.recorded_at, e.list_id, e.seq LIMIT 5000`)
	eventsBefore = store.Account("consent.events_before", `SELECT e.contact_id, e.list_id, e.seq, e.id, e.kind, e.verdict, e.state, e.basis, e.grade, e.source, e.method,
		e.occurred_at, e.recorded_at, e.import_id, e.import_row, e.actor_kind, e.actor_id, e.entry_id, e.entry_index
		FROM consent_event e WHERE e.account_id = :account AND e.contact_id = ? AND (e.recorded_at, e.id) < (?, ?) ORDER BY e.recorded_at DESC, e.id DESC LIMIT ?`)
	askedPeople = store.Account("consent.asked_people", `SELECT DISTINCT e.contact_id FROM consent_event e JOIN list l ON l.account_id = :account AND l.id = e.list_id
		WHERE e.account_id = :account AND e.contact_id > ? `+fits+` ORDER BY e.contact_id LIMIT ?`)
	askedCount = store.Account("consent.asked_count", `SELECT COUNT(DISTINCT e.contact_id) FROM consent_event e JOIN list l ON l.account_id = :account AND l.id = e.list_id
		WHERE e.account_id = :account `+fits)
	strideAll = store.Account("consent.stride", `SELECT e.contact_id FROM consent_event e WHERE e.account_id = :account AND e.contact_id <= ?
		ORDER BY e.contact_id DESC LIMIT 1 OFFSET ?`)
	strideOf = store.Account("consent.stride_of", `SELECT s.contact_id FROM subscription s WHERE s.account_id = :account AND s.list_id = ? AND s.contact_id <= ?
		ORDER BY s.contact_id DESC LIMIT 1 OFFSET ?`)
	register = store.Account("consent.register", `SELECT `+lineColumns+` FROM consent_event e `+lineJoins+`
		WHERE e.account_id = :account AND e.contact_id >= ? AND e.contact_id <= ? AND `+lineFits)
	registerOf = store.Account("consent.register_of", `SELECT `+lineColumns+` FROM subscription s
		JOIN consent_event e ON e.account_id = :account AND e.contact_id = s.contact_id AND e.list_id = s.list_id `+lineJoins+`
		WHERE s.account_id = :account AND s.list_id = ? AND s.contact_id >= ? AND s.contact_id <= ? AND `+lineFits)
	standings = store.Account("consent.standings", `SELECT s.list_id, l.name AS list_name, l.kind AS list_kind, l.purpose_id, p.name AS purpose_name,
		s.state, s.basis, s.grade, s.said, s.said_at, s.seq, s.event_id, s.since, `+ReasonSQL+` AS reason
		FROM subscription s JOIN contact c ON c.account_id = :account AND c.id = s.contact_id
		JOIN list l ON l.account_id = :account AND l.id = s.list_id JOIN purpose p ON p.account_id = :account AND p.id = l.purpose_id
		WHERE s.account_id = :account AND s.contact_id = ? ORDER BY p.folded, l.position, l.folded, l.id`)

	// A bounce doesn't take the place of a no: the no follows the person to another address, a bounce doesn't.
	suppress = store.Load("consent.suppress", "suppression", []store.Column{{Name: "fp", Type: store.Bytes}, {Name: "scope", Type: store.Text}, {Name: "scope_id"},
		{Name: "reason", Type: store.Text}, {Name: "since"}, {Name: "contact_id"}, {Name: "entry_id"}},
		`ON CONFLICT (account_id, fp, scope, scope_id) DO UPDATE SET reason = excluded.reason, since = excluded.since, entry_id = excluded.entry_id,
		contact_id = CASE WHEN excluded.contact_id = 0 THEN suppression.contact_id ELSE excluded.contact_id END
		WHERE suppression.reason <> 'authority_order' AND (excluded.reason <> 'hard_bounce' OR suppression.reason = 'hard_bounce')`)
	// A bounce was the old mailbox's; every other no is the person's. What the other address bears already stays
	// where it binds more.
	follow = store.Account("consent.follow", `INSERT INTO suppression (account_id, fp, scope, scope_id, reason, since, contact_id, entry_id)
		SELECT :account, CAST(? AS {bytes}), x.scope, x.scope_id, x.reason, x.since, x.contact_id, x.entry_id
		FROM suppression x WHERE x.account_id = :account AND x.fp = ? AND x.reason <> 'hard_bounce'
		ON CONFLICT (account_id, fp, scope, scope_id) DO UPDATE SET contact_id = excluded.contact_id,
		since = CASE WHEN suppression.reason = 'hard_bounce' THEN excluded.since ELSE CAST(? AS BIGINT) END,
		reason = CASE WHEN `+bindsMore+` THEN excluded.reason ELSE suppression.reason END,
		entry_id = CASE WHEN `+bindsMore+` THEN excluded.entry_id ELSE suppression.entry_id END`)
	// A bounce is left as old as it is: the mailbox has answered since.
	bindAnew = store.Account("consent.bind_anew", `UPDATE suppression AS s SET since = CAST(? AS BIGINT), contact_id = CAST(? AS BIGINT)
		WHERE s.account_id = :account AND s.fp = ? AND s.reason <> 'hard_bounce' AND s.since <= ? AND NOT EXISTS (SELECT 1 FROM suppression x
		WHERE x.account_id = :account AND x.fp = ? AND x.scope = s.scope AND x.scope_id = s.scope_id AND x.reason <> 'hard_bounce')`)
	lastYes = store.Account("consent.last_yes", `SELECT s.contact_id, MAX(s.said_at) AS said_at FROM subscription s
		WHERE s.account_id = :account AND s.contact_id IN ?* AND s.said = 1 GROUP BY s.contact_id`)
	foreignPresent = store.Account("consent.foreign_present", `SELECT
		EXISTS (SELECT 1 FROM foreign_refusal f WHERE f.account_id = :account AND f.kind = 'sha256') AS sha256,
		EXISTS (SELECT 1 FROM foreign_refusal f WHERE f.account_id = :account AND f.kind = 'sha1') AS sha1,
		EXISTS (SELECT 1 FROM foreign_refusal f WHERE f.account_id = :account AND f.kind = 'md5') AS md5`)
	foreignOf = store.Account("consent.foreign_of", `SELECT f.kind, f.hash, f.scope, f.scope_id, f.reason, f.since FROM foreign_refusal f
		WHERE f.account_id = :account AND f.kind = ? AND f.hash IN ?#`)
	addForeign = store.Load("consent.add_foreign", "foreign_refusal", []store.Column{{Name: "kind", Type: store.Text}, {Name: "hash", Type: store.Bytes},
		{Name: "scope", Type: store.Text}, {Name: "scope_id"}, {Name: "reason", Type: store.Text}, {Name: "since"}, {Name: "import_id"}, {Name: "entry_id"}},
		`ON CONFLICT (account_id, kind, hash, scope, scope_id) DO UPDATE SET reason = excluded.reason, since = excluded.since,
		import_id = excluded.import_id, entry_id = excluded.entry_id WHERE excluded.since > foreign_refusal.since`)
	suppressionsOf = store.Account("consent.suppressions_of", `SELECT x.fp, x.scope, x.scope_id, x.reason, x.since, x.contact_id, x.entry_id
		FROM suppression x WHERE x.account_id = :account AND x.fp = ? ORDER BY x.since DESC, x.scope, x.scope_id`)

	suppressions = store.Account("consent.suppressions", `SELECT x.fp, x.scope, x.scope_id, x.reason, x.since, x.contact_id, x.entry_id
		FROM suppression x WHERE x.account_id = :account AND x.since <= ? AND (x.since < ? OR x.fp > ? OR x.since = ? AND x.fp = ? AND x.scope > ?
			OR x.since = ? AND x.fp = ? AND x.scope = ? AND x.scope_id > ?)
		AND (CAST(? AS {text}) = '' OR x.reason = CAST(? AS {text})) ORDER BY x.since DESC, x.fp, x.scope, x.scope_id LIMIT ?`)

	held = store.Account("consent.held", `SELECT DISTINCT s.contact_id FROM subscription s WHERE s.account_id = :account AND s.contact_id IN ?*
		AND (s.state IN ('requested', 'waiting', 'given') OR s.said = 1 OR EXISTS (SELECT 1 FROM consent_event e WHERE e.account_id = :account
			AND e.contact_id = s.contact_id AND e.list_id = s.list_id AND (e.state = 'given' OR e.kind IN ('withdraw', 'object', 'complain', 'refuse'))))`)
	dropOrigins = store.Account("consent.drop_origins", `DELETE FROM consent_origin WHERE account_id = :account AND contact_id IN ?*`)
	dropEvents  = store.Account("consent.drop_events", `DELETE FROM consent_event WHERE account_id = :account AND contact_id IN ?*`)
	dropStates  = store.Account("consent.drop_states", `DELETE FROM subscription WHERE account_id = :account AND contact_id IN ?*`)
	saidSince   = store.Account("consent.said_since", `SELECT s.contact_id, MAX(s.said_at) AS said_at FROM subscription s
		WHERE s.account_id = :account AND s.contact_id IN ?* AND s.said_at >= ? GROUP BY s.contact_id`)
	listsHeld = store.Account("consent.lists_held", `SELECT s.list_id, l.purpose_id FROM subscription s JOIN list l ON l.account_id = :account AND l.id = s.list_id
		WHERE s.account_id = :account AND s.contact_id = ? AND s.state <> 'none' ORDER BY s.list_id`)
	reasonsFor = store.Account("consent.reasons_for", `SELECT c.id AS contact, `+ReasonSQL+` AS reason FROM contact c
		JOIN list l ON l.account_id = :account AND l.id = ?
		LEFT JOIN subscription s ON s.account_id = :account AND s.list_id = l.id AND s.contact_id = c.id
		WHERE c.account_id = :account AND c.id IN ?*`)
	reasonsCount = store.Account("consent.reasons_count", `SELECT r.reason, COUNT(*) AS people FROM (SELECT `+ReasonSQL+` AS reason FROM subscription s
		JOIN contact c ON c.account_id = :account AND c.id = s.contact_id JOIN list l ON l.account_id = :account AND l.id = s.list_id
		WHERE s.account_id = :account AND s.list_id = ? AND s.state <> 'none' AND c.merged_into = 0) r GROUP BY r.reason ORDER BY r.reason`)
	countsOf = store.Account("consent.counts_of", `SELECT s.list_id, s.state, COUNT(*) AS people FROM subscription s
		WHERE s.account_id = :account AND s.list_id = ? AND s.state <> 'none' `+notMerged+`GROUP BY s.list_id, s.state`)
	counts = store.Account("consent.counts", `SELECT s.list_id, s.state, COUNT(*) AS people FROM subscription s
		WHERE s.account_id = :account AND s.state <> 'none' `+notMerged+`GROUP BY s.list_id, s.state`)
)

// Who may be measured: a yes that stands, of somebody who isn't frozen, erased or opposed, past no later
// suppression. A mailbox that failed says nothing about measuring.
var (
	tracking = store.Account("consent.tracking", `SELECT s.contact_id, l.measures FROM list l
		JOIN subscription s ON s.account_id = :account AND s.list_id = l.id AND s.state = 'given'
		JOIN contact c ON c.account_id = :account AND c.id = s.contact_id
		WHERE l.account_id = :account AND l.measures <> '' AND l.retired_at = 0 AND s.contact_id IN ?* AND c.state IN ('active', 'bounced')
		AND c.age <> 2 AND (s.basis <> 'informed_no_objection' OR c.country IN ?*)
		AND NOT EXISTS (SELECT 1 FROM suppression x WHERE x.account_id = :account AND x.fp = c.fp AND x.reason <> 'hard_bounce'
			AND (x.scope = 'all' OR x.scope = 'purpose' AND x.scope_id = l.purpose_id OR x.scope = 'list' AND x.scope_id = l.id)
			AND (x.reason = 'authority_order' OR s.said <> 1 OR x.since > s.said_at))`)
	answers = store.Account("consent.answers", `SELECT l.id AS list_id, COALESCE(s.state, 'none') AS state, COALESCE(s.basis, '') AS basis,
		COALESCE(s.said, 0) AS said, COALESCE(s.said_at, 0) AS said_at, COALESCE(s.event_id, 0) AS event_id, COALESCE(s.since, 0) AS since,
		COALESCE((SELECT MAX(x.since) FROM suppression x WHERE x.account_id = :account AND x.fp = c.fp AND x.reason <> 'hard_bounce'
			AND (x.scope = 'all' OR x.scope = 'purpose' AND x.scope_id = l.purpose_id OR x.scope = 'list' AND x.scope_id = l.id)), 0) AS bar_at
		FROM contact c JOIN list l ON l.account_id = :account AND l.measures <> '' AND l.retired_at = 0
		LEFT JOIN subscription s ON s.account_id = :account AND s.list_id = l.id AND s.contact_id = c.id
		WHERE c.account_id = :account AND c.id = ?`)
)
