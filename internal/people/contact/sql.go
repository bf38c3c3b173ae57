// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import "consend/internal/ground/store"

const columns = `c.id, c.email, c.name, c.attributes, c.language, c.country, c.state, c.age, c.source, c.notice_due_at,
	c.entry_id, c.entry_index, c.version, c.created_at, c.updated_at, c.active_at, c.paused_until, c.pace, c.merged_into`

const attributeColumns = `SELECT a.id, a.name, CASE WHEN a.several = 1 THEN 'multiple' ELSE a.type END AS type, a.choices, a.purpose, a.sensitive, a.retired_at,
	a.label, a.keep_days, a.keep_since, a.special, a.version`

var addColumns = []store.Column{{Name: "id"}, {Name: "email", Type: store.Text}, {Name: "email_norm", Type: store.Text},
	{Name: "fp", Type: store.Bytes}, {Name: "name", Type: store.Text}, {Name: "attributes", Type: store.JSON}, {Name: "language", Type: store.Text},
	{Name: "country", Type: store.Text}, {Name: "state", Type: store.Text}, {Name: "age"}, {Name: "salt", Type: store.Bytes},
	{Name: "source", Type: store.Text}, {Name: "notice_due_at"}, {Name: "entry_id"}, {Name: "entry_index"}, {Name: "created_at"},
	{Name: "updated_at"}, {Name: "active_at"}, {Name: "key_sheet"}, {Name: "key_slot"}}

var (
	get  = store.Account("contact.get", `SELECT `+columns+` FROM contact c WHERE c.account_id = :account AND c.id = ?`)
	lock = store.Account("contact.lock", `SELECT `+columns+` FROM contact c WHERE c.account_id = :account AND c.id = ? :lock`)
	find = store.Account("contact.find", `SELECT `+columns+` FROM contact c WHERE c.account_id = :account AND c.email_norm = ?`)
	some = store.Account("contact.some", `SELECT `+columns+` FROM contact c WHERE c.account_id = :account AND c.id IN ?*`)

	names = store.Account("contact.names", `SELECT c.id, c.name, c.state FROM contact c WHERE c.account_id = :account AND c.id < ? AND c.merged_into = 0 ORDER BY c.id DESC LIMIT ?`)

	person     = store.Account("contact.person", `SELECT c.id, c.salt, c.key_sheet, c.key_slot FROM contact c WHERE c.account_id = :account AND c.id = ?`)
	lockPerson = store.Account("contact.lock_person", `SELECT c.id, c.salt, c.key_sheet, c.key_slot FROM contact c WHERE c.account_id = :account AND c.id = ? :lock`)
	setKey     = store.Account("contact.set_key", `UPDATE contact SET key_sheet = ?, key_slot = ? WHERE account_id = :account AND id = ?`)
	named      = store.Account("contact.named", `SELECT c.key_slot FROM contact c WHERE c.account_id = :account AND c.key_sheet = ? AND c.key_sheet <> 0`)

	// The rows of an Ensure, found by address: those that were here before.
	known = store.Account("contact.known", `SELECT c.id, c.email, c.email_norm, c.fp, c.state, c.version, c.salt, c.key_sheet, c.key_slot, c.merged_into, c.country
		FROM contact c WHERE c.account_id = :account AND c.email_norm IN ?*`)
	// Locked in the order of their numbers: so no two acts wait for each other.
	locked = store.Account("contact.locked", `SELECT c.id, c.email, c.email_norm, c.fp, c.state, c.version, c.salt, c.key_sheet, c.key_slot, c.merged_into, c.country
		FROM contact c WHERE c.account_id = :account AND c.id IN ?* ORDER BY c.id :lock`)
	addresses = store.Account("contact.addresses", `SELECT c.id, c.email, c.email_norm, c.fp, c.state, c.version, c.salt, c.key_sheet, c.key_slot, c.merged_into, c.country
		FROM contact c WHERE c.account_id = :account AND c.id > ? ORDER BY c.id LIMIT ?`)
	add = store.Load("contact.add", "contact", addColumns, "ON CONFLICT (account_id, email_norm) DO NOTHING")

	correct = store.Account("contact.correct", `UPDATE contact SET name = ?, attributes = ?, language = ?,
		country = ?, age = ?, version = version + 1, updated_at = :now WHERE account_id = :account AND id = ?`)
	move = store.Account("contact.move", `UPDATE contact SET email = ?, email_norm = ?, fp = ?, state = CASE WHEN state = 'bounced' THEN 'active' ELSE state END,
		version = version + 1, updated_at = :now WHERE account_id = :account AND id = ?`)
	lockSome = store.Account("contact.lock_some", `SELECT `+columns+` FROM contact c WHERE c.account_id = :account AND c.id IN ?* ORDER BY c.id :lock`)
	fill     = store.Account("contact.fill", `UPDATE contact SET name = ?, attributes = ?, language = ?, country = ?, version = version + 1, updated_at = :now
		WHERE account_id = :account AND id = ?`)
	drop         = store.Account("contact.drop", `DELETE FROM contact WHERE account_id = :account AND id IN ?*`)
	dropActivity = store.Account("contact.drop_activity", `DELETE FROM contact_activity WHERE account_id = :account AND contact_id IN ?*`)
	lonely       = store.Account("contact.lonely", `SELECT c.id FROM contact c WHERE c.account_id = :account AND c.id IN ?* AND c.source = ?
		AND NOT EXISTS (SELECT 1 FROM contact_activity a WHERE a.account_id = :account AND a.contact_id = c.id
			AND a.kind IN ('click', 'reply', 'purchase', 'login', 'preferences', 'leave', 'keep'))
		AND NOT EXISTS (SELECT 1 FROM contact m WHERE m.account_id = :account AND m.merged_into = c.id AND m.merged_into <> 0) ORDER BY c.id`)
	endKey = store.Account("contact.end_key", `INSERT INTO key_end (account_id, sheet, slot, at) VALUES (:account, ?, ?, :now)
		ON CONFLICT (account_id, sheet, slot) DO NOTHING`)
	keysDue  = store.Account("contact.keys_due", `SELECT k.sheet, k.slot FROM key_end k WHERE k.account_id = :account ORDER BY k.sheet, k.slot LIMIT ?`)
	keyEnded = store.Account("contact.key_ended", `DELETE FROM key_end WHERE account_id = :account AND sheet = ? AND slot = ?`)
	keyEnds  = store.Installation("contact.key_ends", "keys are destroyed for every account", `SELECT DISTINCT k.account_id FROM key_end k ORDER BY k.account_id`)
	setState = store.Account("contact.set_state", `UPDATE contact SET state = ?, version = version + 1, updated_at = :now
		WHERE account_id = :account AND id = ?`)
	markSet = store.Account("contact.mark_set", `UPDATE contact SET state = ?, version = version + 1, updated_at = :now
		WHERE account_id = :account AND id IN ?* AND state NOT IN ('restricted', 'erasing', 'erased') AND state <> ?`)
	absorb = store.Account("contact.absorb", `UPDATE contact SET name = ?, attributes = ?, language = ?, country = ?, age = ?, notice_due_at = ?, paused_until = ?, pace = ?,
		version = version + 1, updated_at = :now WHERE account_id = :account AND id = ?`)
	mergeInto = store.Account("contact.merge_into", `UPDATE contact SET merged_into = CAST(? AS BIGINT), version = version + 1, updated_at = :now WHERE account_id = :account AND id IN ?*`)
	stubs     = store.Account("contact.stubs", `SELECT c.id, c.email, c.email_norm, c.fp, c.state, c.version, c.salt, c.key_sheet, c.key_slot, c.merged_into, c.country
		FROM contact c WHERE c.account_id = :account AND c.merged_into IN ?* AND c.merged_into <> 0 ORDER BY c.id LIMIT ? :lock`)
	mergedHere = store.Account("contact.merged_here", `SELECT `+columns+` FROM contact c WHERE c.account_id = :account AND c.merged_into = ? AND c.merged_into <> 0
		ORDER BY c.id DESC LIMIT ?`)
	lived = store.Account("contact.lived", `UPDATE contact SET active_at = CAST(? AS BIGINT)
		WHERE account_id = :account AND id IN ?* AND active_at < CAST(? AS BIGINT)`)
	revive = store.Account("contact.revive", `UPDATE contact SET state = 'active', version = version + 1, updated_at = :now
		WHERE account_id = :account AND id IN ?* AND state IN ('objected', 'bounced')`)
	told = store.Account("contact.told", `UPDATE contact SET notice_due_at = 0 WHERE account_id = :account AND id IN ?* AND notice_due_at > 0`)

	addActivity = store.Load("contact.add_activity", "contact_activity", []store.Column{{Name: "contact_id"}, {Name: "kind", Type: store.Text},
		{Name: "first_at"}, {Name: "last_at"}, {Name: "times"}},
		`ON CONFLICT (account_id, contact_id, kind) DO UPDATE SET
		first_at = CASE WHEN excluded.first_at < contact_activity.first_at THEN excluded.first_at ELSE contact_activity.first_at END,
		last_at = CASE WHEN excluded.last_at > contact_activity.last_at THEN excluded.last_at ELSE contact_activity.last_at END,
		times = contact_activity.times + excluded.times`)
	activities = store.Account("contact.activities", `SELECT a.contact_id, a.kind, a.first_at, a.last_at, a.times
		FROM contact_activity a WHERE a.account_id = :account AND a.contact_id = ? ORDER BY a.last_at DESC, a.kind`)

	attributes = store.Account("contact.attributes", attributeColumns+`
		FROM attribute a WHERE a.account_id = :account AND a.retired_at = 0 ORDER BY a.name`)
	lockAttributes = store.Account("contact.lock_attributes", attributeColumns+`
		FROM attribute a WHERE a.account_id = :account AND a.retired_at = 0 ORDER BY a.name :lock`)
	addAttribute = store.Account("contact.add_attribute", `INSERT INTO attribute (account_id, id, name, type, several, choices, purpose, sensitive, label, keep_days, keep_since, special, entry_id, created_at)
		VALUES (:account, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, :now) ON CONFLICT (account_id, name) WHERE retired_at = 0 DO NOTHING`)
	setChoices = store.Account("contact.set_choices", `UPDATE attribute SET choices = ?, version = version + 1 WHERE account_id = :account AND id = ?`)

	everyAttribute = store.Account("contact.every_attribute", attributeColumns+` FROM attribute a
		WHERE a.account_id = :account ORDER BY CASE WHEN a.retired_at = 0 THEN 0 ELSE 1 END, a.name, a.id`)
	lockAttribute   = store.Account("contact.lock_attribute", attributeColumns+` FROM attribute a WHERE a.account_id = :account AND a.id = ? :lock`)
	changeAttribute = store.Account("contact.change_attribute", `UPDATE attribute SET type = ?, several = ?, choices = ?, purpose = ?, sensitive = ?, label = ?, keep_days = ?, keep_since = ?, special = ?,
		version = version + 1 WHERE account_id = :account AND id = ?`)
	retireAttribute = store.Account("contact.retire_attribute", `UPDATE attribute SET retired_at = ?, version = version + 1 WHERE account_id = :account AND id = ?`)

	// How long values are kept: attribute_noted.
	notedColumns = []store.Column{{Name: "contact_id"}, {Name: "name", Type: store.Text}, {Name: "noted_at"}}
	noteOne      = store.Account("contact.note_one", `INSERT INTO attribute_noted (account_id, contact_id, name, noted_at)
		SELECT DISTINCT a.account_id, CAST(? AS BIGINT), a.name, CAST(:now AS BIGINT) FROM attribute a
		WHERE a.account_id = :account AND a.keep_since > 0 AND a.name IN ?*
		ON CONFLICT (account_id, contact_id, name) DO UPDATE SET noted_at = excluded.noted_at`)
	noteMany = store.Load("contact.note_many", "attribute_noted", notedColumns,
		"ON CONFLICT (account_id, contact_id, name) DO UPDATE SET noted_at = excluded.noted_at")
	carryDates = store.Account("contact.carry_dates", `INSERT INTO attribute_noted (account_id, contact_id, name, noted_at)
		SELECT :account, CAST(? AS BIGINT), n.name, n.noted_at FROM attribute_noted n WHERE n.account_id = :account AND n.contact_id = ? AND n.name IN ?*
		ON CONFLICT (account_id, contact_id, name) DO NOTHING`)
	dateMany   = store.Load("contact.date_many", "attribute_noted", notedColumns, "ON CONFLICT (account_id, contact_id, name) DO NOTHING")
	datedNames = store.Account("contact.dated_names", `SELECT DISTINCT a.name FROM attribute a WHERE a.account_id = :account AND a.keep_since > 0`)
	keepers    = store.Installation("contact.keepers", "values end in every account", `SELECT DISTINCT a.account_id FROM attribute a
		WHERE a.keep_days > 0 OR a.keep_since > 0 ORDER BY a.account_id`)
	beginKeeping = store.Account("contact.begin_keeping", `UPDATE attribute SET keep_since = ? WHERE account_id = :account AND id = ? AND keep_since = 0 AND keep_days > 0`)
	stopKeeping  = store.Account("contact.stop_keeping", `UPDATE attribute SET keep_since = 0 WHERE account_id = :account AND name = ? AND keep_days = 0`)
	datePageEnd  = store.Account("contact.date_page_end", `SELECT COALESCE(MAX(x.id), 0) FROM
		(SELECT c.id FROM contact c WHERE c.account_id = :account AND c.id > ? ORDER BY c.id LIMIT ?) AS x`)
	withoutDate = store.Account("contact.without_date", `SELECT c.id, c.updated_at FROM contact c
		WHERE c.account_id = :account AND c.id > ? AND c.id <= ?
		AND COALESCE(CAST(c.attributes -> CAST(? AS {text}) AS {text}), 'null') NOT IN ('null', '""', '[]')
		AND NOT EXISTS (SELECT 1 FROM attribute_noted n WHERE n.account_id = :account AND n.contact_id = c.id AND n.name = CAST(? AS {text}))
		ORDER BY c.id`)
	dueValues = store.Account("contact.due_values", `SELECT n.contact_id, n.noted_at FROM attribute_noted n
		WHERE n.account_id = :account AND n.name = ? AND n.noted_at < ? AND n.noted_at >= ? AND (n.noted_at > ? OR n.contact_id > ?)
		ORDER BY n.noted_at, n.contact_id LIMIT ?`)
	stillDue = store.Account("contact.still_due", `SELECT n.contact_id FROM attribute_noted n
		WHERE n.account_id = :account AND n.name = ? AND n.noted_at < ? AND n.contact_id IN ?*`)
	leavingCount = store.Account("contact.leaving", `SELECT COUNT(*) FROM (SELECT n.contact_id FROM attribute_noted n
		WHERE n.account_id = :account AND n.name = ? AND n.noted_at < ? LIMIT ?) AS x`)
	setAttributes = store.Account("contact.set_attributes", `UPDATE contact SET attributes = ?, version = version + 1, updated_at = :now
		WHERE account_id = :account AND id = ?`)
	dropDatesOf = store.Account("contact.drop_dates_of", `DELETE FROM attribute_noted WHERE account_id = :account AND name = ? AND contact_id IN ?*`)
	undate      = store.Account("contact.undate", `DELETE FROM attribute_noted WHERE account_id = :account AND contact_id = ? AND name IN ?*`)
	dropDates   = store.Account("contact.drop_dates", `DELETE FROM attribute_noted WHERE attribute_noted.account_id = :account AND name = ? AND contact_id IN
		(SELECT n.contact_id FROM attribute_noted n WHERE n.account_id = :account AND n.name = ? ORDER BY n.noted_at, n.contact_id LIMIT ?)`)
	// Who took back the express yes to what an attribute holds (GDPR 7(3), 9(2)(a)): nobody brings it back but they themselves.
	takenBack = store.Account("contact.taken_back", `SELECT s.contact_id, a.name FROM list l JOIN attribute a ON a.account_id = :account AND a.id = l.attribute_id
		JOIN subscription s ON s.account_id = :account AND s.list_id = l.id AND s.state IN ('withdrawn', 'refused')
		WHERE l.account_id = :account AND l.attribute_id <> 0 AND s.contact_id IN ?* ORDER BY s.contact_id, a.name`)
	dropNoted = store.Account("contact.drop_noted", `DELETE FROM attribute_noted WHERE account_id = :account AND contact_id IN ?*`)
)
