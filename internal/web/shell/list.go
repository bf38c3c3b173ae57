// SPDX-License-Identifier: AGPL-3.0-or-later

package shell

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// List is the question of a table page, read from the address so that it can be
// kept as a bookmark: ?q=ann&sort=-created&state=active&page=2&size=50.
type List struct {
	Search  string
	Sort    string            // one of ListSpec.Sorts, without the minus
	Desc    bool              // largest first
	Filters map[string]string // only names of ListSpec.Filters
	Page    int               // counted from 1
	After   string            // keyset cursor of the page before, "" on the first page
	Size    int               // rows on a page
	path    string
	spec    ListSpec
}

// ListSpec says what a table page may be asked.
type ListSpec struct {
	Sorts   []string // the first is the order when none is asked; "-created" begins with the newest
	Filters []string
	Size    int // rows on a page when none is asked; 0 means 50
}

// Sizes are the page sizes people may choose.
var sizes = []int{25, 50, 100, 200}

// List reads the question of a table page. What the spec does not know is ignored.
func (r *Request) List(spec ListSpec) List { return readList(r.R.URL.Path, r.R.URL.Query(), spec) }

// RestoreList reads the question that came with a bulk act (form value "query"), to
// find again all rows that matched. path is the table's page.
func RestoreList(path, query string, spec ListSpec) List {
	v, err := url.ParseQuery(query)
	if err != nil {
		v = url.Values{}
	}
	return readList(path, v, spec)
}

func readList(path string, v url.Values, spec ListSpec) List {
	if spec.Size == 0 {
		spec.Size = 50
	}
	get := func(name string) string { return clean(v.Get(name), 200) }
	l := List{Search: get("q"), Filters: map[string]string{}, Page: 1, After: get("after"), Size: spec.Size, path: path, spec: spec}
	if n, err := strconv.Atoi(get("page")); err == nil && n > 1 && n < 100_000 {
		l.Page = n
	}
	if n, err := strconv.Atoi(get("size")); err == nil && slices.Contains(sizes, n) {
		l.Size = n
	}
	for _, name := range spec.Filters {
		if f := get(name); f != "" {
			l.Filters[name] = f
		}
	}
	asked := get("sort")
	for i, s := range spec.Sorts {
		name := strings.TrimPrefix(s, "-")
		if i == 0 {
			l.Sort, l.Desc = name, strings.HasPrefix(s, "-")
		}
		if asked != "" && name == strings.TrimPrefix(asked, "-") {
			l.Sort, l.Desc = name, strings.HasPrefix(asked, "-")
		}
	}
	return l
}

// Offset is the number of rows before this page.
func (l List) Offset() int { return (l.Page - 1) * l.Size }

// Filter gives the chosen value of a filter, or "".
func (l List) Filter(name string) string { return l.Filters[name] }

// Narrowed tells whether a search or filter is set: "nothing matches" instead of "nothing yet".
func (l List) Narrowed() bool { return l.Search != "" || len(l.Filters) > 0 }

// values gives the question as it stands in the address, without the place in it.
func (l List) values() url.Values {
	v := url.Values{}
	if l.Search != "" {
		v.Set("q", l.Search)
	}
	for name, f := range l.Filters {
		v.Set(name, f)
	}
	if s := l.order(l.Sort, l.Desc); len(l.spec.Sorts) > 0 && s != l.spec.Sorts[0] {
		v.Set("sort", s)
	}
	if l.Size != l.spec.Size {
		v.Set("size", strconv.Itoa(l.Size))
	}
	return v
}

func (l List) order(name string, desc bool) string {
	if desc {
		return "-" + name
	}
	return name
}

// With gives the address of the same question with one value changed ("" drops it),
// from its first page on.
func (l List) With(name, value string) string {
	v := l.values()
	if value == "" {
		v.Del(name)
	} else {
		v.Set(name, value)
	}
	return l.link(v)
}

// Clear gives the address without search and filters.
func (l List) Clear() string {
	l.Search, l.Filters = "", nil
	return l.link(l.values())
}

func (l List) link(v url.Values) string {
	if len(v) == 0 {
		return l.path
	}
	return l.path + "?" + v.Encode()
}

// pageLink gives the address of a page by number.
func (l List) pageLink(n int) string {
	v := l.values()
	if n > 1 {
		v.Set("page", strconv.Itoa(n))
	}
	return l.link(v)
}

// sortLink gives the address sorted by a column; asked twice it turns round.
func (l List) sortLink(name string) string {
	desc := false
	for _, s := range l.spec.Sorts {
		if s == "-"+name {
			desc = true
		}
	}
	if l.Sort == name {
		desc = !l.Desc
	}
	v := l.values()
	v.Set("sort", l.order(name, desc))
	return l.link(v)
}

// Table is a list of things with search, filters, order, pages and acts on many.
type Table struct {
	Caption string // what the rows are, for people who don't see the page
	List    List
	Columns []Column
	Rows    []Row
	Total   int64  // rows that match; -1 when not counted
	Next    string // keyset cursor of the next page; "" uses page numbers, from Total or More
	More    bool   // there is a next page, when Total is not counted
	Search  string // what can be searched ("Name or address"); "" for no search box
	Filters []Filter
	Bulk    *Bulk  // acts on chosen rows, or nil
	Export  string // where the rows can be had as a file, or ""
	Empty   EmptyState
}

// Column is one column of a table.
type Column struct {
	Label string
	Sort  string // name in ListSpec.Sorts, or ""
	End   bool   // numbers: at the end of the line
	Quiet bool   // of little interest: smaller, grey
}

// Row is one thing. The first cell carries the link.
type Row struct {
	ID    string // value of the row's checkbox when the table has Bulk
	Label string // what the checkbox chooses, for people who don't see the page
	Link  string // the thing's own page, or ""
	Cells []Component
}

// chipsMost is how many choices of a filter stand beside each other; more are chosen from one field.
const chipsMost = 12

// Filter narrows a table by one value of the address.
type Filter struct {
	Name    string
	Label   string
	Choices []Choice
}

// Bulk is a form around the table: its buttons act on the ticked rows (form value
// "id", several) or on all that match ("all" = 1, with the question in the address).
type Bulk struct {
	Buttons []BulkButton
	All     bool // offer "all N that match"
}

// BulkButton posts the ticked rows to a path.
type BulkButton struct {
	Path  string
	Label string
	Icon  string
	Tone  Tone // Bad for what cannot be undone
}

// pages lists the page numbers to show, 0 standing for a gap.
func (t Table) pages() []int {
	last := t.lastPage()
	if last <= 1 {
		return nil
	}
	var out []int
	for n := 1; n <= last; n++ {
		near := n >= t.List.Page-1 && n <= t.List.Page+1
		switch {
		case n == 1 || n == last || near:
			out = append(out, n)
		case len(out) > 0 && out[len(out)-1] != 0:
			out = append(out, 0)
		}
	}
	return out
}

func (t Table) lastPage() int {
	if t.Total < 0 || t.List.Size == 0 {
		return 0
	}
	return int((t.Total + int64(t.List.Size) - 1) / int64(t.List.Size))
}

func (t Table) previous() string {
	switch {
	case t.Next != "" || t.List.After != "":
		if t.List.After != "" {
			return t.List.pageLink(1)
		}
	case t.List.Page > 1:
		return t.List.pageLink(t.List.Page - 1)
	}
	return ""
}

func (t Table) next() string {
	switch {
	case t.Next != "":
		return t.List.With("after", t.Next)
	case t.List.After != "":
	case t.More || t.List.Page < t.lastPage():
		return t.List.pageLink(t.List.Page + 1)
	}
	return ""
}
