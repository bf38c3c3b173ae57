// SPDX-License-Identifier: AGPL-3.0-or-later

package budget

import "consend/internal/ground/store"

const why = "budgets are counted under keyed hashes, over accounts and before one is known"

var (
	spent = store.Installation("budget.spent", why, `SELECT COALESCE(SUM(CASE WHEN b.minute = CAST(? AS BIGINT) THEN b.spent * CAST(? AS DOUBLE PRECISION)
		ELSE CAST(b.spent AS DOUBLE PRECISION) END), 0.0) AS n FROM budget b WHERE b.hash = ? AND b.minute >= ?`)
	spend = store.Installation("budget.spend", why, `INSERT INTO budget (hash, minute, part, spent) VALUES (?, ?, ?, ?)
		ON CONFLICT (hash, minute, part) DO UPDATE SET spent = budget.spent + ?`)
	sweep = store.Installation("budget.sweep", why, `DELETE FROM budget WHERE (hash, minute, part) IN
		(SELECT b.hash, b.minute, b.part FROM budget b WHERE b.minute < ? ORDER BY b.minute LIMIT ?)`)
)
