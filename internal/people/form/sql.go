// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import "consend/internal/ground/store"

const formColumns = `SELECT f.id, f.name, f.slug, f.draft, f.version, f.current_id, f.closed_at, f.created_at, f.updated_at, f.retired_at,
	COALESCE(v.number, 0) AS number, COALESCE(v.published_at, 0) AS published_at, COALESCE(v.notice_version_id, 0) AS note_version
	FROM form f LEFT JOIN form_version v ON v.account_id = :account AND v.id = f.current_id
	WHERE f.account_id = :account `

const versionColumns = `SELECT v.id, v.form_id, v.number, v.definition, v.sha256, v.notice_version_id, v.rules, v.published_at, v.entry_id
	FROM form_version v WHERE v.account_id = :account `

const signupColumns = `SELECT s.id, s.form_id, s.version_id, s.contact_id, s.state, s.language, s.choices, s.answers, s.requested_at,
	s.asked_at, s.asked, s.ended_at, s.hasty FROM signup s WHERE s.account_id = :account `

var (
	makeForm = store.Account("form.make",
		`INSERT INTO form (account_id, id, name, slug, draft, version, created_at, updated_at) VALUES (:account, ?, ?, ?, ?, 1, :now, :now)`)
	editForm = store.Account("form.edit",
		`UPDATE form SET name = ?, draft = ?, version = version + 1, updated_at = :now
		WHERE account_id = :account AND id = ? AND version = ? AND retired_at = 0`)
	findForm = store.Account("form.find", formColumns+`AND f.id = ?`)
	lockForm = store.Account("form.lock", formColumns+`AND f.id = ? :lock(f)`)
	allForms = store.Account("form.all", formColumns+`AND f.retired_at = 0 ORDER BY f.updated_at DESC, f.id DESC LIMIT 500`)
	putAway  = store.Account("form.put_away", formColumns+`AND f.retired_at > 0 ORDER BY f.retired_at DESC, f.id DESC LIMIT 500`)
	serve    = store.Account("form.serve",
		`UPDATE form SET current_id = ?, version = version + 1, updated_at = :now WHERE account_id = :account AND id = ?`)
	closeForm = store.Account("form.close",
		`UPDATE form SET closed_at = ?, version = version + 1 WHERE account_id = :account AND id = ? AND retired_at = 0`)
	retireForm = store.Account("form.retire",
		`UPDATE form SET retired_at = ?, version = version + 1 WHERE account_id = :account AND id = ? AND retired_at = 0`)
	restoreForm = store.Account("form.restore",
		`UPDATE form SET retired_at = ?, version = version + 1 WHERE account_id = :account AND id = ? AND retired_at > 0`)

	// A slug is written beside the form, in the account's act: the table belongs to nobody.
	takeSlug = store.Installation("form.take_slug", "an address is unique in the installation",
		`INSERT INTO form_slug (slug, account_id, form_id) VALUES (?, ?, ?) ON CONFLICT (slug) DO NOTHING`)
	findSlug = store.Installation("form.find_slug", "a visitor's address says which account is asked",
		`SELECT account_id, form_id FROM form_slug WHERE slug = ?`)

	addVersion = store.Account("form.add_version",
		`INSERT INTO form_version (account_id, id, form_id, number, definition, sha256, notice_version_id, rules, published_at, entry_id)
		VALUES (:account, ?, ?, ?, ?, ?, ?, ?, :now, ?)`)
	addPage = store.Account("form.add_page",
		`INSERT INTO form_page (account_id, version_id, language, html, sha256) VALUES (:account, ?, ?, ?, ?)`)
	addStyle      = store.Account("form.add_style", `INSERT INTO form_style (account_id, sha256, css) VALUES (:account, ?, ?) ON CONFLICT (account_id, sha256) DO NOTHING`)
	addLook       = store.Account("form.add_look", `INSERT INTO form_look (account_id, version_id, since, sha256) VALUES (:account, ?, :now, ?)`)
	looks         = store.Account("form.looks", `SELECT k.since, k.sha256 FROM form_look k WHERE k.account_id = :account AND k.version_id = ? ORDER BY k.since DESC LIMIT 100`)
	style         = store.Account("form.style", `SELECT y.css FROM form_style y WHERE y.account_id = :account AND y.sha256 = ?`)
	findVersion   = store.Account("form.find_version", versionColumns+`AND v.id = ?`)
	versions      = store.Account("form.versions", versionColumns+`AND v.form_id = ? ORDER BY v.number DESC LIMIT 500`)
	servedTongues = store.Account("form.served_tongues",
		`SELECT v.definition FROM form f JOIN form_version v ON v.account_id = :account AND v.id = f.current_id
		WHERE f.account_id = :account AND f.retired_at = 0 AND f.closed_at = 0 AND v.definition LIKE '%"tongues":[%' ORDER BY v.id DESC LIMIT 200`)
	tongueOf = store.Account("form.tongue_of",
		`SELECT v.definition FROM form_version v WHERE v.account_id = :account AND v.definition LIKE ? ORDER BY v.id DESC LIMIT 5`)
	pages = store.Account("form.pages",
		`SELECT p.language, p.html, p.sha256 FROM form_page p WHERE p.account_id = :account AND p.version_id = ? ORDER BY p.language`)

	addSignup = store.Account("form.add_signup",
		`INSERT INTO signup (account_id, id, form_id, version_id, contact_id, state, language, choices, answers, requested_at, ended_at)
		VALUES (:account, ?, ?, ?, ?, ?, ?, ?, ?, :now, ?)`)
	findSignup = store.Account("form.find_signup", signupColumns+`AND s.id = ?`)
	lockSignup = store.Account("form.lock_signup", signupColumns+`AND s.id = ? :lock`)
	signupsOf  = store.Account("form.signups_of", signupColumns+`AND s.contact_id = ? ORDER BY s.id DESC LIMIT 200`)
	signupPage = store.Account("form.signup_page", signupColumns+`AND s.form_id = ? AND s.id < ? AND (CAST(? AS {text}) = '' OR s.state = ?)
		AND (CAST(? AS {text}) = '' OR s.language = ?) AND s.requested_at >= ? AND s.requested_at < ? ORDER BY s.id DESC LIMIT ?`)
	byDay = store.Account("form.by_day", `SELECT s.requested_at / 900000000 AS quarter, s.state, count(*) AS n FROM signup s
		WHERE s.account_id = :account AND s.form_id = ? AND s.id > ? AND s.requested_at >= ? GROUP BY 1, 2 ORDER BY 1 DESC`)
	countStates = store.Account("form.count_states",
		`SELECT s.form_id, s.state, count(*) AS n FROM signup s WHERE s.account_id = :account GROUP BY s.form_id, s.state`)
	countOf = store.Account("form.count_of",
		`SELECT s.form_id, s.state, count(*) AS n FROM signup s WHERE s.account_id = :account AND s.form_id = ? GROUP BY s.form_id, s.state`)
	askedNow = store.Account("form.asked_now",
		`UPDATE signup SET asked = asked + 1, asked_at = :now, remind_at = ?, choices = ? WHERE account_id = :account AND id = ?`)
	endSignup = store.Account("form.end_signup",
		`UPDATE signup SET state = ?, choices = ?, ended_at = :now, answers = NULL, hasty = ?, remind_at = 0 WHERE account_id = :account AND id = ?`)
	refusePending = store.Account("form.refuse_pending",
		`UPDATE signup SET state = 'not_me', ended_at = :now, answers = NULL, remind_at = 0 WHERE account_id = :account AND contact_id = ? AND state = 'pending'`)
	pendingOf = store.Account("form.pending_of", signupColumns+`AND s.contact_id = ? AND s.state = 'pending' ORDER BY s.id LIMIT 500`)

	findBlock = store.Account("form.find_block", `SELECT b.since FROM confirm_block b WHERE b.account_id = :account AND b.fp = ?`)
	addBlock  = store.Account("form.add_block",
		`INSERT INTO confirm_block (account_id, fp, since) VALUES (:account, ?, :now) ON CONFLICT (account_id, fp) DO UPDATE SET since = excluded.since`)
	isBlocked = store.Account("form.is_blocked", `SELECT EXISTS (SELECT 1 FROM confirm_block b WHERE b.account_id = :account AND b.fp = ?)`)
	dropBlock = store.Account("form.drop_block", `DELETE FROM confirm_block WHERE account_id = :account AND fp = ?`)

	remindable = store.Installation("form.remindable", "a periodic work reminds in every account, once each",
		`SELECT s.account_id, s.id, s.contact_id, s.requested_at FROM signup s WHERE s.remind_at > 0 AND s.remind_at <= ? ORDER BY s.remind_at LIMIT ?`)
	remindedNow = store.Account("form.reminded_now", `UPDATE signup SET remind_at = 0 WHERE account_id = :account AND id = ?`)

	// A mailbox is nobody's: a hash keyed by the installation, so that a flood over many accounts ends at once.
	findShut = store.Installation("form.find_shut", "what a mailbox said counts in every account", `SELECT m.said, m.shut_at FROM mailbox_shut m WHERE m.fp = ?`)
	addShut  = store.Installation("form.add_shut", "what a mailbox said counts in every account",
		`INSERT INTO mailbox_shut (fp, said, said_at, shut_at) VALUES (?, ?, ?, ?) ON CONFLICT (fp) DO UPDATE SET said = mailbox_shut.said + ?, said_at = excluded.said_at,
		shut_at = CASE WHEN mailbox_shut.shut_at > 0 THEN mailbox_shut.shut_at WHEN excluded.shut_at > 0 OR mailbox_shut.said + 1 >= ? THEN excluded.said_at ELSE 0 END`)
	// A no that was counted before counts once; what was said later than the line stays.
	shutAgain = store.Installation("form.shut_again", "what a mailbox said counts in every account, also after a restore",
		`INSERT INTO mailbox_shut (fp, said, said_at, shut_at) VALUES (?, ?, ?, ?) ON CONFLICT (fp) DO UPDATE SET said = mailbox_shut.said + 1, said_at = excluded.said_at,
		shut_at = CASE WHEN mailbox_shut.shut_at > 0 THEN mailbox_shut.shut_at WHEN excluded.shut_at > 0 OR mailbox_shut.said + 1 >= ? THEN excluded.said_at ELSE 0 END
		WHERE mailbox_shut.said_at < excluded.said_at OR excluded.shut_at > 0 AND mailbox_shut.shut_at = 0`)
	isShut   = store.Installation("form.is_shut", "what a mailbox said counts in every account", `SELECT EXISTS (SELECT 1 FROM mailbox_shut m WHERE m.fp = ? AND m.shut_at <= ?)`)
	openShut = store.Installation("form.open_shut", "only the mailbox takes back what it said, in every account", `DELETE FROM mailbox_shut WHERE fp = ? AND shut_at <= ?`)
	oldShut  = store.Installation("form.old_shut", "what mailboxes said ends with its term, in every account",
		`SELECT m.fp FROM mailbox_shut m WHERE m.said_at < ? ORDER BY m.said_at LIMIT ?`)
	dropShut = store.Installation("form.drop_shut", "what mailboxes said ends with its term, in every account", `DELETE FROM mailbox_shut WHERE fp = ?`)

	countUp = store.Account("form.count_up",
		`INSERT INTO form_count (account_id, form_id, day, kind, detail, n) VALUES (:account, ?, ?, ?, ?, ?)
		ON CONFLICT (account_id, form_id, day, kind, detail) DO UPDATE SET n = form_count.n + ?`)
	counts = store.Account("form.counts",
		`SELECT c.kind, c.detail, CAST(sum(c.n) AS BIGINT) AS n FROM form_count c WHERE c.account_id = :account AND c.form_id = ? AND c.day >= ? AND c.kind IN ('robot', 'proxy')
		GROUP BY c.kind, c.detail ORDER BY c.kind, c.detail`)
	proxied = store.Installation("form.proxied", "doctor looks whether a proxy spoils the proofs of any account",
		`SELECT c.detail, CAST(sum(c.n) AS BIGINT) AS n, max(c.day) AS day FROM form_count c WHERE c.kind = 'proxy' AND c.day >= ? GROUP BY c.detail ORDER BY 2 DESC LIMIT 20`)
	proxiedHere = store.Account("form.proxied_here",
		`SELECT c.detail, CAST(sum(c.n) AS BIGINT) AS n, max(c.day) AS day FROM form_count c WHERE c.account_id = :account AND c.kind = 'proxy' AND c.day >= ?
		GROUP BY c.detail ORDER BY 2 DESC LIMIT 20`)

	stale = store.Installation("form.stale", "a sweep ends what nobody confirmed, in every account",
		`SELECT s.account_id, s.id, s.contact_id, s.requested_at FROM signup s WHERE s.state <> 'confirmed' AND s.requested_at < ? AND s.asked_at < ?
		AND (CAST(? AS BIGINT) = 0 OR s.account_id = CAST(? AS BIGINT))
		AND (s.requested_at > ? OR s.requested_at = ? AND s.id > ?) ORDER BY s.requested_at, s.id LIMIT ?`)
	byID          = store.Account("form.by_id", `SELECT s.id, s.form_id, s.state FROM signup s WHERE s.account_id = :account AND s.id IN ?*`)
	byPerson      = store.Account("form.by_person", `SELECT s.id, s.form_id, s.state FROM signup s WHERE s.account_id = :account AND s.contact_id IN ?*`)
	dropSignups   = store.Account("form.drop_signups", `DELETE FROM signup WHERE account_id = :account AND id IN ?*`)
	dropSignupsOf = store.Account("form.drop_signups_of", `DELETE FROM signup WHERE account_id = :account AND contact_id IN ?*`)
	stillWaiting  = store.Account("form.still_waiting", `SELECT DISTINCT s.contact_id FROM signup s WHERE s.account_id = :account AND s.contact_id IN ?*
		AND (s.state = 'confirmed' OR s.state = 'pending' AND (s.requested_at >= ? OR s.asked_at >= ?))`)
	goneOf = store.Account("form.gone_of", `SELECT c.form_id, c.kind AS state, CAST(sum(c.n) AS BIGINT) AS n FROM form_count c
		WHERE c.account_id = :account AND (CAST(? AS BIGINT) = 0 OR c.form_id = CAST(? AS BIGINT)) AND c.kind IN ('gone_pending', 'gone_confirmed', 'gone_not_me', 'gone_expired')
		GROUP BY c.form_id, c.kind`)
)
