// SPDX-License-Identifier: AGPL-3.0-or-later

package plan_test

// within is what conditions compile to, one of each kind that looks elsewhere than at the person: a campaign freezes a
// chunk of people without reading an account for its segment. Counting whom a description holds for may read all.
const within = `(COALESCE(CASE WHEN substr(CAST(c.attributes -> CAST(? AS {text}) AS {text}), 1, 1) = '"' THEN c.attributes ->> CAST(? AS {text}) END = CAST(? AS {text}), false)
	AND COALESCE(EXISTS (SELECT 1 FROM subscription sx WHERE sx.account_id = :account AND sx.list_id = CAST(? AS BIGINT) AND sx.contact_id = c.id AND sx.state = 'given'), false)
	AND COALESCE(EXISTS (SELECT 1 FROM list lx JOIN subscription sx ON sx.account_id = :account AND sx.list_id = lx.id AND sx.contact_id = c.id
		WHERE lx.account_id = :account AND lx.purpose_id = CAST(? AS BIGINT) AND sx.said = CAST(? AS BIGINT)), false)
	AND COALESCE(EXISTS (SELECT 1 FROM suppression sx WHERE sx.account_id = :account AND sx.fp = c.fp AND sx.scope = 'all'), false)
	AND COALESCE(EXISTS (SELECT 1 FROM contact_activity ax WHERE ax.account_id = :account AND ax.contact_id = c.id AND ax.kind = CAST(? AS {text}) AND ax.times >= CAST(? AS BIGINT)), false))`
