// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"slices"
	"strings"
	"sync"
)

// Query is one statement of one room, written once for both databases and kept as a
// package-level value in the room's sql.go. The text is checked and rendered for a
// database when it first runs there; a statement that breaks a rule is refused, in
// production as in tests.
//
// In the text:
//
//	?          the next argument
//	IN ?*      the next argument, a slice of int64 or string (NOT IN ?* too)
//	IN ?#      the next argument, a slice of []byte
//	:account   the account of the transaction; callers can't give it
//	:now       the transaction's moment, in microseconds
//	:lock      FOR UPDATE (nothing on SQLite, which has one writer); :lock(c) locks only alias c
//	:share     FOR SHARE: others may read it so too, nobody may change it before the end (nothing on SQLite)
//	:skip      FOR UPDATE SKIP LOCKED (nothing on SQLite); :skip(c)
//	:where     a predicate put in by Where; true without one
//	{binary}   behind a text: compared octet by octet, and lower() folds ASCII alone
//	{text} {bytes} {json} {bool}   the database's own type names, in casts and migrations
//	{sqlite:…}{postgres:…}   what the two say in other words, with the same arguments; no braces in its quotes
//	{roomy}    behind a CREATE TABLE: rows are changed once soon after; PostgreSQL leaves room beside them
type Query struct {
	name    string
	text    string
	account bool
	reason  string
	made    bool // by Where: compiled by its text, and forgotten again
}

// Account is a statement on tables of one account. Every account table it names must be
// bound: `alias.account_id = :account`, and an INSERT starts its columns with account_id.
func Account(name, text string) *Query { return named(&Query{name: name, text: text, account: true}) }

// Installation is a statement over all accounts, or on tables that belong to none, with the
// reason why. In a transaction bound to an account it may not name account tables.
func Installation(name, reason, text string) *Query {
	return named(&Query{name: name, text: text, reason: reason})
}

// Where gives the statement with a predicate in the place of its one :where, for what people
// describe: the words of the predicate are a room's, what people typed is among the arguments,
// in the order of the text. It is checked as every statement is, and keeps its name.
func (q *Query) Where(predicate string) *Query {
	return &Query{name: q.name, text: strings.Replace(q.text, ":where", "("+predicate+")", 1), account: q.account, reason: q.reason, made: true}
}

var all struct {
	sync.Mutex
	queries []*Query
}

func named(q *Query) *Query {
	all.Lock()
	defer all.Unlock()
	all.queries = append(all.queries, q)
	return q
}

// Named lists every statement of the program by name, whether it ever ran or not: so the
// tests of the house hold all of them to its rules. Statements are made once, as values of a
// package; a test refuses those made while the program runs, so the list never grows.
func Named() []*Query {
	all.Lock()
	defer all.Unlock()
	out := slices.Clone(all.queries)
	slices.SortStableFunc(out, func(a, b *Query) int { return strings.Compare(a.name, b.name) })
	return out
}

// Name is the room and what is asked, such as "contact.find".
func (q *Query) Name() string { return q.name }

// Reason tells why an installation query needs no account; "" for account queries.
func (q *Query) Reason() string { return q.reason }

// Text is the text as written, before it is rendered for a database.
func (q *Query) Text() string { return q.text }
