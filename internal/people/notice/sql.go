// SPDX-License-Identifier: AGPL-3.0-or-later

package notice

import "consend/internal/ground/store"

const noticeColumns = `n.id, n.name, n.draft, n.version, n.current_id, n.created_at, n.updated_at, n.retired_at,
	COALESCE((SELECT v.number FROM notice_version v WHERE v.account_id = :account AND v.id = n.current_id), 0) AS number`

var (
	makeNotice = store.Account("notice.make",
		`INSERT INTO notice (account_id, id, name, draft, version, created_at, updated_at) VALUES (:account, ?, ?, ?, 1, :now, :now)`)
	editNotice = store.Account("notice.edit",
		`UPDATE notice SET name = ?, draft = ?, version = version + 1, updated_at = :now
		WHERE account_id = :account AND id = ? AND version = ? AND retired_at = 0`)
	findNotice = store.Account("notice.find", `SELECT `+noticeColumns+` FROM notice n WHERE n.account_id = :account AND n.id = ?`)
	lockNotice = store.Account("notice.lock", `SELECT `+noticeColumns+` FROM notice n WHERE n.account_id = :account AND n.id = ? :lock(n)`)
	allNotices = store.Account("notice.all",
		`SELECT `+noticeColumns+` FROM notice n WHERE n.account_id = :account AND n.retired_at = 0 ORDER BY n.id LIMIT 200`)
	setCurrent = store.Account("notice.set_current",
		`UPDATE notice SET current_id = ?, version = version + 1, updated_at = :now WHERE account_id = :account AND id = ?`)
	retireNotice = store.Account("notice.retire",
		`UPDATE notice SET retired_at = :now, version = version + 1 WHERE account_id = :account AND id = ? AND version = ? AND retired_at = 0`)

	addVersion = store.Account("notice.add_version",
		`INSERT INTO notice_version (account_id, id, notice_id, number, content, published_at, entry_id) VALUES (:account, ?, ?, ?, ?, :now, ?)`)
	addText = store.Account("notice.add_text",
		`INSERT INTO notice_text (account_id, version_id, language, short, body, sha256) VALUES (:account, ?, ?, ?, ?, ?)`)
	findVersion = store.Account("notice.find_version",
		`SELECT v.id, v.notice_id, v.number, v.content, v.published_at, v.entry_id FROM notice_version v WHERE v.account_id = :account AND v.id = ?`)
	findNumber = store.Account("notice.find_number",
		`SELECT v.id, v.notice_id, v.number, v.content, v.published_at, v.entry_id FROM notice_version v
		WHERE v.account_id = :account AND v.notice_id = ? AND v.number = ?`)
	versions = store.Account("notice.versions",
		`SELECT v.id, v.notice_id, v.number, v.content, v.published_at, v.entry_id FROM notice_version v
		WHERE v.account_id = :account AND v.notice_id = ? ORDER BY v.number DESC LIMIT 500`)
	texts = store.Account("notice.texts",
		`SELECT t.version_id, t.language, t.short, t.body, t.sha256 FROM notice_text t
		WHERE t.account_id = :account AND t.version_id = ? ORDER BY t.language`)
)
