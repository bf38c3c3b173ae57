// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/list"
)

// Order is the order of found people.
type Order string

// The orders. Of a list's people only the order of their making can be had at once.
const (
	ByNumber Order = "number" // as they were made
	ByEmail  Order = "email"
)

// Query asks for people, a page at a time; what is zero asks nothing. Nothing is counted:
// a page costs the same among a hundred and among a million.
type Query struct {
	Prefix  string // beginning of the address, in any case
	List    int64
	State   Status // on that list, or on any
	Grade   Grade  // of what stands on that list, or on any
	Contact contact.State
	Order   Order
	Desc    bool
	After   string // Page.Next of the page before
	Size    int    // 0 means 50, at most 200
}

// Page is one page of people, with where they stand.
type Page struct {
	People []contact.Contact
	Stands map[int64][]Stand // by contact: their lists, those with a basis first
	Next   string            // "" is the last page
}

// Stand is where a person stands on one list, in short.
type Stand struct {
	ContactID int64
	ListID    int64
	State     Status
	Basis     Basis
	Grade     Grade
	Since     legalclock.Moment
}

// Search finds people. Those who are being erased, or were merged into another, are not found.
func Search(r store.Reader, q Query) (Page, error) {
	size := q.Size
	if size <= 0 || size > 200 {
		size = 50
	}
	prefix := strings.ToLower(strings.TrimSpace(q.Prefix))
	related := q.State != "" || q.Grade != Ungraded || q.List != 0
	var rows []contact.Contact
	var err error
	switch {
	case q.State != "" && q.Grade == Ungraded && prefix == "" && (q.List != 0 || q.Order != ByEmail):
		rows, err = q.inState(r, size)
	case q.Contact != "" && q.Contact != contact.StateActive && !related && prefix == "" && q.Order != ByEmail:
		query, from := apartAsc, int64(0)
		if q.Desc {
			query, from = apartDesc, 1<<62
		}
		rows, err = store.All[contact.Contact](r, query, string(q.Contact), number(q.After, from), size+1)
	case q.List != 0 && prefix == "":
		query, from := listAsc, int64(0)
		if q.Desc {
			query, from = listDesc, 1<<62
		}
		rows, err = store.All[contact.Contact](r, query, q.List, number(q.After, from), string(q.State), string(q.State), string(q.Grade), string(q.Grade),
			string(q.Contact), string(q.Contact), size+1)
	case q.Order == ByEmail || prefix != "":
		low, high, query := prefix, prefix+"\U0010FFFF", emailAsc
		switch {
		case q.Desc:
			query = emailDesc
			if q.After != "" {
				high = q.After
			}
		case q.After != "":
			low = q.After + "\x01" // the address itself is shown already; nothing sorts between
		}
		rows, err = store.All[contact.Contact](r, query, append([]any{low, high}, q.rest(related, size)...)...)
	default:
		query, from := idAsc, int64(0)
		if q.Desc {
			query, from = idDesc, 1<<62
		}
		rows, err = store.All[contact.Contact](r, query, append([]any{number(q.After, from)}, q.rest(related, size)...)...)
	}
	if err != nil {
		return Page{}, err
	}
	p := Page{People: rows, Stands: map[int64][]Stand{}}
	if len(rows) > size {
		p.People = rows[:size]
		last := rows[size-1]
		p.Next = strconv.FormatInt(last.ID, 10)
		if q.List == 0 && q.Order == ByEmail || prefix != "" {
			p.Next = last.Email.Norm()
		}
	}
	return p, stand(r, &p)
}

// inState finds the people who stand in a state on a list or on any, by their numbers: each list tells its
// next ones from an index, so that a state of few is found as fast as a state of many. It gives one more than size
// where there are more.
func (q Query) inState(r store.Reader, size int) (out []contact.Contact, err error) {
	lists := []int64{q.List}
	if q.List == 0 {
		all, err := list.All(r)
		if err != nil {
			return nil, err
		}
		lists = lists[:0]
		for _, l := range all {
			lists = append(lists, l.ID)
		}
	}
	query, from, state := stateAsc, int64(0), []any{string(q.State)}
	if q.State == Given {
		query, state = givenAsc, nil
	}
	if q.Desc {
		query, from = stateDesc, 1<<62
		if q.State == Given {
			query = givenDesc
		}
	}
	order := func(a, b int64) int {
		if q.Desc {
			a, b = b, a
		}
		return cmp.Compare(a, b)
	}
	for from = number(q.After, from); len(out) <= size; {
		asked := make([]*store.Answer[int64], len(lists))
		for i, l := range lists {
			asked[i] = store.Ask[int64](r, query, slices.Concat([]any{l, from}, state, []any{size + 1})...)
		}
		var ids []int64
		for _, a := range asked {
			some, err := a.All()
			if err != nil {
				return nil, err
			}
			ids = append(ids, some...)
		}
		slices.SortFunc(ids, order)
		ids = slices.Compact(ids)
		if len(ids) == 0 {
			break
		}
		more := len(ids) > size
		if more { // what a list has beyond its own page was not asked
			ids = ids[:size+1]
		}
		rows, err := contact.Some(r, ids)
		if err != nil {
			return nil, err
		}
		rows = slices.DeleteFunc(rows, func(c contact.Contact) bool {
			return c.State.Ending() || c.Merged() || q.Contact != "" && c.State != q.Contact
		})
		slices.SortFunc(rows, func(a, b contact.Contact) int { return order(a.ID, b.ID) })
		if out = append(out, rows...); !more {
			break
		}
		from = ids[len(ids)-1]
	}
	return out[:min(len(out), size+1)], nil
}

// Where is what the question asks of a contact c, whatever the order and the page: SQL and its arguments in turn.
func (q Query) Where() (string, []any) {
	sql, args := "true", []any{}
	and := func(s string, more ...any) { sql, args = sql+" AND "+s, append(args, more...) }
	if prefix := strings.ToLower(strings.TrimSpace(q.Prefix)); prefix != "" {
		and("c.email_norm >= CAST(? AS {text}) AND c.email_norm < CAST(? AS {text})", prefix, prefix+"\U0010FFFF")
	}
	if q.Contact != "" {
		and("c.state = CAST(? AS {text})", string(q.Contact))
	}
	if q.List == 0 && q.State == "" && q.Grade == Ungraded {
		return sql, args
	}
	and("EXISTS (SELECT 1 FROM subscription sq WHERE sq.account_id = :account AND sq.contact_id = c.id AND sq.state <> 'none'")
	if q.List != 0 {
		and("sq.list_id = CAST(? AS BIGINT)", q.List)
	}
	if q.State != "" {
		and("sq.state = CAST(? AS {text})", string(q.State))
	}
	if q.Grade != Ungraded {
		and("sq.grade = CAST(? AS {text})", string(q.Grade))
	}
	return sql + ")", args
}

// PageOf makes a page of people found elsewhere, newest first, at most 1,000.
func PageOf(r store.Reader, ids []int64) (Page, error) {
	rows, err := contact.Some(r, ids)
	if err != nil {
		return Page{}, err
	}
	slices.SortFunc(rows, func(a, b contact.Contact) int { return int(b.ID - a.ID) })
	p := Page{People: rows, Stands: map[int64][]Stand{}}
	return p, stand(r, &p)
}

// rest are the arguments of the filters.
func (q Query) rest(related bool, size int) []any {
	asks := 0
	if related {
		asks = 1
	}
	return []any{string(q.Contact), string(q.Contact), asks, q.List, q.List, string(q.State), string(q.State), string(q.Grade), string(q.Grade), size + 1}
}

func number(after string, otherwise int64) int64 {
	n, err := strconv.ParseInt(after, 10, 64)
	if err != nil || n <= 0 {
		return otherwise
	}
	return n
}

// stand fills in where the people of a page stand.
func stand(r store.Reader, p *Page) error {
	if len(p.People) == 0 {
		return nil
	}
	ids := make([]int64, len(p.People))
	for i, c := range p.People {
		ids[i] = c.ID
	}
	rows, err := store.All[Stand](r, standsOf, ids)
	for _, s := range rows {
		p.Stands[s.ContactID] = append(p.Stands[s.ContactID], s)
	}
	return err
}

const found = `SELECT c.id, c.email, c.name, c.attributes, c.language, c.country, c.state, c.age, c.source, c.notice_due_at,
	c.entry_id, c.entry_index, c.version, c.created_at, c.updated_at, c.active_at, c.merged_into `

// filters are those of a search that goes over contacts: the contact's own, then its subscriptions'.
// Not EXISTS: PostgreSQL would read all subscriptions of the account before the first row.
const filters = ` AND c.state NOT IN ('erasing', 'erased') AND c.merged_into = 0 AND (CAST(? AS {text}) = '' OR c.state = CAST(? AS {text}))
	AND (CAST(? AS BIGINT) = 0 OR 1 = (SELECT 1 FROM subscription s WHERE s.account_id = :account AND s.contact_id = c.id AND s.state <> 'none'
		AND (CAST(? AS BIGINT) = 0 OR s.list_id = CAST(? AS BIGINT)) AND (CAST(? AS {text}) = '' OR s.state = CAST(? AS {text}))
		AND (CAST(? AS {text}) = '' OR s.grade = CAST(? AS {text})) LIMIT 1)) `

// onList are those of a search that goes over the people of a list.
const onList = ` AND s.state <> 'none' AND (CAST(? AS {text}) = '' OR s.state = CAST(? AS {text})) AND (CAST(? AS {text}) = '' OR s.grade = CAST(? AS {text}))
	AND c.state NOT IN ('erasing', 'erased') AND c.merged_into = 0 AND (CAST(? AS {text}) = '' OR c.state = CAST(? AS {text})) `

const members = found + `FROM subscription s JOIN contact c ON c.account_id = :account AND c.id = s.contact_id WHERE s.account_id = :account AND s.list_id = ? `

const onOne = `SELECT s.contact_id FROM subscription s WHERE s.account_id = :account AND s.list_id = ? `

var (
	emailAsc = store.Account("consent.search_email", found+`FROM contact c WHERE c.account_id = :account AND c.email_norm >= ? AND c.email_norm < ?`+
		filters+`ORDER BY c.email_norm LIMIT ?`)
	emailDesc = store.Account("consent.search_email_desc", found+`FROM contact c WHERE c.account_id = :account AND c.email_norm >= ? AND c.email_norm < ?`+
		filters+`ORDER BY c.email_norm DESC LIMIT ?`)
	idAsc = store.Account("consent.search_id", found+`FROM contact c WHERE c.account_id = :account AND c.id > ?`+
		filters+`ORDER BY c.id LIMIT ?`)
	idDesc = store.Account("consent.search_id_desc", found+`FROM contact c WHERE c.account_id = :account AND c.id < ?`+
		filters+`ORDER BY c.id DESC LIMIT ?`)
	listAsc = store.Account("consent.search_list", members+`AND s.contact_id > ?`+
		onList+`ORDER BY s.contact_id LIMIT ?`)
	listDesc = store.Account("consent.search_list_desc", members+`AND s.contact_id < ?`+
		onList+`ORDER BY s.contact_id DESC LIMIT ?`)
	// Most are given, and the list itself finds them; everybody else stands in the index subscription_state, whose
	// condition the others name.
	givenAsc  = store.Account("consent.search_given", onOne+`AND s.state = 'given' AND s.contact_id > ? ORDER BY s.contact_id LIMIT ?`)
	givenDesc = store.Account("consent.search_given_desc", onOne+`AND s.state = 'given' AND s.contact_id < ? ORDER BY s.contact_id DESC LIMIT ?`)
	stateAsc  = store.Account("consent.search_state", onOne+`AND s.state <> 'given' AND s.contact_id > ? AND s.state = ? ORDER BY s.contact_id LIMIT ?`)
	stateDesc = store.Account("consent.search_state_desc", onOne+`AND s.state <> 'given' AND s.contact_id < ? AND s.state = ? ORDER BY s.contact_id DESC LIMIT ?`)
	// The first condition is that of the index contact_apart.
	apartAsc = store.Account("consent.search_apart", found+`FROM contact c WHERE c.account_id = :account AND c.state <> 'active' AND c.state = ? AND c.id > ?
		AND c.state NOT IN ('erasing', 'erased') AND c.merged_into = 0 ORDER BY c.id LIMIT ?`)
	apartDesc = store.Account("consent.search_apart_desc", found+`FROM contact c WHERE c.account_id = :account AND c.state <> 'active' AND c.state = ? AND c.id < ?
		AND c.state NOT IN ('erasing', 'erased') AND c.merged_into = 0 ORDER BY c.id DESC LIMIT ?`)
	standsOf = store.Account("consent.stands_of", `SELECT s.contact_id, s.list_id, s.state, s.basis, s.grade, s.since FROM subscription s
		WHERE s.account_id = :account AND s.contact_id IN ?* AND s.state <> 'none'
		ORDER BY s.contact_id, CASE WHEN s.state = 'given' THEN 0 ELSE 1 END, s.list_id`)
)
