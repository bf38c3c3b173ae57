// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"slices"
	"strconv"
	"strings"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
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
	standsOf = store.Account("consent.stands_of", `SELECT s.contact_id, s.list_id, s.state, s.basis, s.grade, s.since FROM subscription s
		WHERE s.account_id = :account AND s.contact_id IN ?* AND s.state <> 'none'
		ORDER BY s.contact_id, CASE WHEN s.state = 'given' THEN 0 ELSE 1 END, s.list_id`)
)
