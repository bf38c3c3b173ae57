// SPDX-License-Identifier: AGPL-3.0-or-later

package account

import (
	"strconv"

	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Law is whose law applies to the account: of the country it chose, else of its own.
func (a Account) Law() string { return or(a.Rules, a.Country) }

// SetRule adds a decision about a rule, with its trace: a choice of the bound account, which may
// only tighten; of a transaction that is bound to none, the installation's decision. It holds
// for every act that begins after the commit, on every node. Faults: those of rulepack.Decide.
func SetRule(tx *store.Tx, d rulepack.Decision) (rulepack.Decision, error) {
	country := ""
	if tx.Account() != 0 {
		a, err := Get(tx)
		if err != nil {
			return d, err
		}
		country = a.Law()
	}
	before, err := rulepack.For(tx)
	if err != nil {
		return d, err
	}
	was := before.Pack().Version
	if d, err = rulepack.Decide(tx, d, country); err != nil {
		return d, err
	}
	if d.Key != rulepack.Adopted {
		was = before.Country(d.Key, country)
	}
	_, err = trace.Append(tx, trace.Act{Action: "rulepack.decide", Object: "rule", ObjectID: d.ID,
		Clear:   proof.Fields{"rule": string(d.Key), "was": was, "value": d.Value, "from": d.ValidFrom.String(), "decision": strconv.FormatInt(d.ID, 10)},
		Private: proof.Fields{"reason": d.Reason}})
	return d, err
}
