// SPDX-License-Identifier: AGPL-3.0-or-later

// Package datamap promises that every column of every database is known: either
// it holds nothing personal, with the reason, or it is personal data with its
// category, whose it is, why we hold it, how long, what erasure does to it, under
// which name an export gives it, and whether it lies in the clear or under a key.
//
// Rooms declare their own tables in data.go; access, portability, erasure,
// retention, archive and the record of processing (GDPR 15, 17, 20, 30) are
// derived from the map. An unmapped column fails the build (INV-01).
package datamap

import (
	"fmt"
	"sort"
	"strings"
)

// Store names one of the three databases.
type Store string

// The three databases: what we work with, the keys, and what is kept only for the law.
const (
	Main    Store = "main"
	Keys    Store = "keys"
	Archive Store = "archive"
)

// Table is one table and all its columns.
type Table struct {
	Store      Store
	Name       string
	Account    bool // rows belong to an account: account_id is first in every key, and every statement binds it
	AppendOnly bool // rows are only added; deleting is db.Purge's alone
	Few        bool // some thousands of rows at most, as of lists and forms: it may be read from end to end
	Foreign    bool // made by a library (River, goose): its columns are listed, its statements are not ours
	Columns    []Column
}

// Column is one column: with a reason why it holds nothing personal, or with PD.
type Column struct {
	Name   string
	Reason string // why nothing personal; "" when Personal is set
	PD     *PD
}

// Whose says whose data it is.
type Whose string

// The people a column can be about.
const (
	Contacts      Whose = "contacts"      // people an account writes to
	Members       Whose = "members"       // people who work in an account
	Visitors      Whose = "visitors"      // people on a public page who aren't contacts yet
	Correspondent Whose = "correspondent" // a named person at a provider or authority
)

// Erasure says what erasing the person does to the value.
type Erasure string

// What erasure can do.
const (
	Delete    Erasure = "delete"    // the row goes
	Null      Erasure = "null"      // the value goes, the row stays
	Shred     Erasure = "shred"     // the key that opens it is destroyed
	Aggregate Erasure = "aggregate" // only a count that singles out nobody stays
	Keep      Erasure = "keep"      // kept for a stated article, until a stated end
)

// Export says which packages give the value to the person (GDPR 15 and 20).
type Export string

// Which export gives it.
const (
	Access   Export = "access"   // a copy of your data
	Portable Export = "both"     // a copy, and data to take elsewhere
	NoExport Export = "no"       // with the reason in Why
	Indirect Export = "indirect" // given in another form: the text that it refers to
)

// Key says how the value lies in the database.
type Key string

// How a value can lie.
const (
	Clear      Key = "clear"
	AccountKey Key = "account"
	SubjectKey Key = "subject"
	RootKey    Key = "root"
	Hashed     Key = "hashed"     // a keyed or salted hash; still personal data
	Commitment Key = "commitment" // a salted commitment; dies with its salt
)

// PD describes personal data. All fields but ExportName and Why are required.
type PD struct {
	Category   string   // what it is: "contact.email", "network.ip" …
	Whose      Whose    //
	Purposes   []string // what it is held for
	Basis      string   // GDPR article or law
	Retention  string   // id of a rule in the rulepack
	Erasure    Erasure
	Export     Export
	ExportName string // its name in an export, when Export is not "no"
	Why        string // why it is kept or not exported
	Key        Key
}

// None is a column that holds nothing personal, for a reason.
func None(name, reason string) Column { return Column{Name: name, Reason: reason} }

// Personal is a column of personal data.
func Personal(name string, pd PD) Column { return Column{Name: name, PD: &pd} }

// Map is the whole map, by store and table.
type Map []Table

// Accounts lists the names of the account tables of a store.
func (m Map) Accounts(s Store) []string {
	var out []string
	for _, t := range m {
		if t.Store == s && t.Account {
			out = append(out, t.Name)
		}
	}
	sort.Strings(out)
	return out
}

// Tables lists the tables of a store.
func (m Map) Tables(s Store) []Table {
	var out []Table
	for _, t := range m {
		if t.Store == s {
			out = append(out, t)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Live is what a database really has: columns by table.
type Live map[string][]string

// Check compares the map with a live database of a store and the map with itself.
// Each finding is one sentence; none means the map is complete. 100 %, no threshold.
func (m Map) Check(s Store, live Live) []string {
	var out []string
	say := func(format string, a ...any) { out = append(out, fmt.Sprintf(format, a...)) }
	seen := map[string]map[string]bool{}
	for _, t := range m.Tables(s) {
		if seen[t.Name] != nil {
			say("%s.%s is mapped twice", s, t.Name)
			continue
		}
		cols := map[string]bool{}
		seen[t.Name] = cols
		for _, c := range t.Columns {
			if cols[c.Name] {
				say("%s.%s.%s is mapped twice", s, t.Name, c.Name)
			}
			cols[c.Name] = true
			for _, f := range c.faults() {
				say("%s.%s.%s: %s", s, t.Name, c.Name, f)
			}
		}
		if t.Account && !cols["account_id"] {
			say("%s.%s is an account table without account_id", s, t.Name)
		}
		if _, ok := live[t.Name]; !ok {
			say("%s.%s is mapped but not in the database", s, t.Name)
		}
	}
	names := make([]string, 0, len(live))
	for name := range live {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if seen[name] == nil {
			say("%s.%s is in the database but not mapped", s, name)
			continue
		}
		has := map[string]bool{}
		for _, c := range live[name] {
			has[c] = true
			if !seen[name][c] {
				say("%s.%s.%s is in the database but not mapped", s, name, c)
			}
		}
		for c := range seen[name] {
			if !has[c] {
				say("%s.%s.%s is mapped but not in the database", s, name, c)
			}
		}
	}
	sort.Strings(out)
	return out
}

func (c Column) faults() []string {
	if c.PD == nil {
		if strings.TrimSpace(c.Reason) == "" {
			return []string{"holds nothing personal, but no reason is given"}
		}
		return nil
	}
	var out []string
	miss := func(ok bool, what string) {
		if !ok {
			out = append(out, "personal, but no "+what)
		}
	}
	p := c.PD
	miss(p.Category != "", "category")
	miss(p.Whose != "", "word on whose it is")
	miss(len(p.Purposes) > 0, "purpose")
	miss(p.Basis != "", "basis")
	miss(p.Retention != "", "retention rule")
	miss(p.Erasure != "", "word on erasure")
	miss(p.Export != "", "word on export")
	miss(p.Key != "", "word on its key")
	miss(p.Export == NoExport || p.ExportName != "" || p.Export == "", "name in an export")
	miss((p.Export != NoExport && p.Erasure != Keep) || p.Why != "", "reason for keeping or not exporting")
	return out
}
