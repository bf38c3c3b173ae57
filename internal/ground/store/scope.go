// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"fmt"
	"slices"
	"strings"
)

// check holds the rule of scopes: every account table a statement names is bound to the
// account of the transaction under each of its aliases. It reads the statement's words, not
// its meaning, and so asks for more than a planner would: that is its worth. On PostgreSQL
// row-level security is the second wall.
func (c *compiled) check(w []token, account map[string]bool) error {
	at := func(i int) string {
		if i >= 0 && i < len(w) {
			return w[i].text
		}
		return ""
	}
	type ref struct{ table, alias string }
	var refs []ref
	name := func(i int) (string, string, int) { // table, alias, words used
		table, alias, n := at(i), at(i), 1
		j := i + 1
		if at(j) == "as" {
			j++
		}
		if j < len(w) && w[j].kind == 'i' && !keyword[w[j].text] {
			alias = w[j].text
			n = j - i + 1
		}
		return table, alias, n
	}
	if err := plainNames(w, account); err != nil {
		return err
	}
	into := "" // the table of the last INSERT
	depth := 0
	inFrom := map[int]bool{} // by depth of brackets: are we in a FROM list
	for i := 0; i < len(w); i++ {
		switch t := w[i]; {
		case t.text == "(":
			depth++
			inFrom[depth] = false
		case t.text == ")":
			depth--
		case t.kind != 'i' && t.text != ",":
		case t.text == "delete" && at(i+1) == "from":
			table, alias, n := name(i + 2)
			c.deletes = append(c.deletes, table)
			refs = append(refs, ref{table, alias})
			i += 1 + n
		case t.text == "update" && i+1 < len(w) && w[i+1].kind == 'i' && at(i+1) != "set" && at(i-1) != "do" && at(i-1) != "for":
			table, alias, n := name(i + 1)
			c.changes = append(c.changes, table)
			refs = append(refs, ref{table, alias})
			i += n
		case t.text == "update" && at(i-1) == "do": // ON CONFLICT DO UPDATE changes a row, too
			c.changes = append(c.changes, into)
		case t.text == "into":
			table := at(i + 1)
			into = table
			c.know(table, account)
			if account[table] {
				c.tables = append(c.tables, table)
				if c.q.account {
					if err := c.checkInsert(w, i+1, table); err != nil {
						return err
					}
				}
			}
			i++
		case t.text == "from" || t.text == "join":
			inFrom[depth] = t.text == "from" || inFrom[depth]
			if at(i+1) == "(" || i+1 >= len(w) || w[i+1].kind != 'i' {
				continue
			}
			table, alias, n := name(i + 1)
			refs = append(refs, ref{table, alias})
			i += n
		case t.text == "," && inFrom[depth]:
			if i+1 < len(w) && w[i+1].kind == 'i' {
				table, alias, n := name(i + 1)
				refs = append(refs, ref{table, alias})
				i += n
			}
		case endsFrom[t.text]:
			inFrom[depth] = false
		}
	}
	var open []ref
	for _, r := range refs {
		c.know(r.table, account)
		if account[r.table] {
			c.tables = append(c.tables, r.table)
			open = append(open, r)
		}
	}
	if !c.q.account {
		if c.q.reason == "" {
			return fmt.Errorf("an installation query needs a reason")
		}
		return nil
	}
	for _, r := range open {
		n := 0
		for _, o := range open {
			if o.alias == r.alias {
				n++
			}
		}
		if bound(w, r.alias, len(open) == 1) < n {
			return fmt.Errorf("account table %s (%s) is not bound: write %s.account_id = :account", r.table, r.alias, r.alias)
		}
	}
	return nil
}

// plainNames refuses the ways to name a table that the check would not see: in quotes, behind
// a schema, or in brackets of a FROM.
func plainNames(w []token, account map[string]bool) error {
	for i, t := range w {
		name := strings.ToLower(strings.Trim(t.text, `"`))
		if _, ok := account[name]; !ok || t.kind != 'i' {
			continue
		}
		before := func(n int) string {
			if i >= n {
				return w[i-n].text
			}
			return ""
		}
		switch {
		case t.text[0] == '"':
			return fmt.Errorf("write %s without quotes, so that its account is seen", name)
		case before(1) == "." && (schemas[before(2)] || before(3) != "," && namesTable[before(3)]):
			return fmt.Errorf("write %s without a schema, so that its account is seen", name)
		case before(1) == "(" && namesTable[before(2)]:
			return fmt.Errorf("write %s without brackets, so that its account is seen", name)
		}
	}
	return nil
}

var (
	namesTable = set("from", "join", "into", "update", ",")
	schemas    = set("main", "temp", "public", "pg_temp")
)

func (c *compiled) know(table string, account map[string]bool) {
	if _, ok := account[table]; ok {
		c.names = append(c.names, table)
	}
}

// bound counts `alias.account_id = :account`; without an alias only where one table is named.
func bound(w []token, alias string, bare bool) int {
	n := 0
	for i := 0; i+2 < len(w); i++ {
		if w[i].text != "account_id" || w[i+1].text != "=" || w[i+2].kind != ':' || w[i+2].text != "account" {
			continue
		}
		if i >= 2 && w[i-1].text == "." {
			if w[i-2].text == alias {
				n++
			}
		} else if bare {
			n++
		}
	}
	return n
}

func (c *compiled) checkInsert(w []token, i int, table string) error {
	bad := fmt.Errorf("insert into account table %s: account_id comes first, with :account as its value", table)
	j := i + 1
	if j < len(w) && w[j].text == "as" {
		j += 2
	}
	if j+1 >= len(w) || w[j].text != "(" || w[j+1].text != "account_id" {
		return bad
	}
	for ; j < len(w) && w[j].text != ")"; j++ {
	}
	j++
	if j >= len(w) {
		return bad
	}
	isAccount := func(k int) bool {
		if k+2 < len(w) && w[k].text == "cast" && w[k+1].text == "(" {
			k += 2
		}
		return k < len(w) && (w[k].kind == ':' && w[k].text == "account" ||
			k+2 < len(w) && w[k].kind == 'i' && w[k+1].text == "." && w[k+2].text == "account_id" && bound(w, w[k].text, false) > 0)
	}
	switch w[j].text {
	case "values":
		depth := 0
		for k := j + 1; k < len(w); k++ {
			switch {
			case w[k].text == "(":
				if depth == 0 && !isAccount(k+1) {
					return bad
				}
				depth++
			case w[k].text == ")":
				depth--
			case depth == 0 && w[k].text != ",":
				return nil
			}
		}
		return nil
	case "select":
		k := j + 1
		if k < len(w) && w[k].text == "distinct" {
			k++
		}
		if isAccount(k) {
			return nil
		}
	}
	return bad
}

// refuse tells whether a statement may run in this transaction.
func (c *compiled) refuse(account int64, purge bool, appendOnly map[string]bool) error {
	switch {
	case c.q.account && account == 0:
		return fmt.Errorf("store: %s needs an account, and this transaction has none", c.name)
	case !c.q.account && account != 0 && len(c.tables) > 0:
		return fmt.Errorf("store: %s goes over all accounts and may not run for one", c.name)
	}
	if !purge {
		for _, t := range slices.Concat(c.changes, c.deletes) {
			if appendOnly[t] {
				return fmt.Errorf("store: %s changes %s, which is append-only: that is db.Purge's alone", c.name, t)
			}
		}
	}
	return nil
}

// keyword are the words that can follow a table's name and aren't its alias.
var keyword = set("on", "where", "set", "join", "left", "right", "inner", "outer", "cross", "full", "group", "order", "limit", "offset",
	"union", "except", "intersect", "having", "window", "using", "values", "select", "returning", "for", "as", "natural", "not", "default")

// endsFrom are the words after which a comma no longer lists tables.
var endsFrom = set("where", "group", "order", "limit", "union", "except", "intersect", "having", "select", "set", "returning", "values")

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}
