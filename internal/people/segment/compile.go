// SPDX-License-Identifier: AGPL-3.0-or-later

package segment

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/team/account"
)

// Predicate is a description compiled: SQL over a contact c, and its arguments in their order. It is
// NULL rather than false for people of whom a condition knows nothing: a WHERE takes both alike, a NOT doesn't.
type Predicate struct {
	SQL  string
	Args []any
}

// Everybody holds for all.
var Everybody = Predicate{SQL: "true"}

// And holds where both hold.
func (p Predicate) And(o Predicate) Predicate {
	return Predicate{"(" + p.SQL + ") AND (" + o.SQL + ")", slices.Concat(p.Args, o.Args)}
}

// Into gives a statement of this or an upper room with the predicate in its :where.
func (p Predicate) Into(q *store.Query) *store.Query { return q.Where(p.SQL) }

// known is what descriptions name, as the account has it now.
type known struct {
	attributes map[int64]contact.Attribute
	lists      map[int64]list.List
	purposes   map[int64]list.Purpose
	zone       *time.Location
	now        legalclock.Moment
}

func know(r store.Reader, now legalclock.Moment, attributes func(store.Reader) ([]contact.Attribute, error)) (k known, err error) {
	k = known{attributes: map[int64]contact.Attribute{}, lists: map[int64]list.List{}, purposes: map[int64]list.Purpose{}, now: now}
	some, err := attributes(r)
	if err != nil {
		return k, err
	}
	lists, err := list.All(r)
	if err != nil {
		return k, err
	}
	purposes, err := list.Purposes(r)
	if err != nil {
		return k, err
	}
	a, err := account.Get(r)
	if err != nil {
		return k, err
	}
	for _, a := range some {
		k.attributes[a.ID] = a
	}
	for _, l := range lists {
		k.lists[l.ID] = l
	}
	for _, p := range purposes {
		k.purposes[p.ID] = p
	}
	k.zone = a.Location()
	return k, nil
}

// Where compiles a description for the reader's moment.
// Faults: segment.levels, segment.conditions, segment.field, segment.op, segment.attribute, segment.list,
// segment.purpose, segment.values, segment.value, segment.days, segment.sensitive.ask, segment.sensitive.basis, segment.grant.
func Where(r store.Reader, d Definition) (Predicate, error) {
	return compile(r, d, store.NowOf(r), false)
}

// WhereAt is Where for a description that was approved at another moment: its "last 30 days" end then, an
// attribute that was retired since and a choice that has another name since are taken as they were. What
// was declared sensitive since is not: GDPR 9 holds from the day it is known.
func WhereAt(r store.Reader, d Definition, at legalclock.Moment) (Predicate, error) {
	return compile(r, d, at, true)
}

func compile(r store.Reader, d Definition, at legalclock.Moment, approved bool) (Predicate, error) {
	attributes := contact.AllAttributes
	if approved {
		attributes = contact.EveryAttribute
	}
	k, err := know(r, at, attributes)
	if err != nil {
		return Predicate{}, err
	}
	c := compiler{known: k, approved: approved}
	sql := c.group(Group(d), 1)
	return Predicate{sql, c.args}, c.faults.Err()
}

type compiler struct {
	known
	args     []any
	n        int  // conditions so far
	approved bool // a choice may be gone
	faults   fault.Many
}

func (c *compiler) bad(key string, args ...any) string {
	e := fault.New(fault.Invalid, key, args...)
	if c.n > 0 {
		e = e.At("c" + strconv.Itoa(c.n))
	}
	c.faults = append(c.faults, e)
	return "false"
}

func (c *compiler) group(g Group, level int) string {
	if level > MaxLevels {
		return c.bad("segment.levels", "limit", MaxLevels)
	}
	var parts []string
	for _, x := range g.Conditions {
		if c.n++; c.n > MaxConditions {
			return c.bad("segment.conditions", "limit", MaxConditions)
		}
		parts = append(parts, c.condition(x)) // what is unknown of somebody (NULL) is not so: nothing above turns it round
	}
	for _, x := range g.Groups {
		if len(x.Conditions)+len(x.Groups) > 0 {
			parts = append(parts, c.group(x, level+1))
		}
	}
	if len(parts) == 0 {
		return "true"
	}
	word := " AND "
	if g.Any {
		word = " OR "
	}
	return "(" + strings.Join(parts, word) + ")"
}

// bind adds arguments.
func (c *compiler) bind(args ...any) { c.args = append(c.args, args...) }

func (c *compiler) condition(x Condition) string {
	var kind contact.Type
	var a contact.Attribute
	if !slices.Contains(Fields(), x.Field) {
		return c.bad("segment.field")
	}
	if x.Field == Attribute {
		ok := false
		if a, ok = c.attributes[x.Of]; !ok {
			return c.bad("segment.attribute")
		}
		switch {
		case a.Sensitive == contact.LooksSo:
			return c.bad("segment.sensitive.ask", "name", a.Name)
		case !a.Usable():
			return c.bad("segment.sensitive.basis", "name", a.Name)
		}
		kind = a.Type
	}
	if !slices.Contains(Ops(x.Field, kind), x.Op) {
		return c.bad("segment.op")
	}
	least, most := x.Op.Values()
	values := make([]string, 0, len(x.Values))
	for _, v := range x.Values {
		if v = strings.TrimSpace(v); v == "" {
			continue
		}
		if len(v) > MaxValue || !utf8.ValidString(v) || strings.IndexByte(v, 0) >= 0 {
			return c.bad("segment.value.long", "limit", MaxValue)
		}
		code, ok := Code(x.Field, v)
		if !ok {
			return c.bad("segment.value", "value", v)
		}
		values = append(values, code)
	}
	if len(values) < least || len(values) > most {
		return c.bad("segment.values", "limit", MaxValues)
	}
	lowest := 0
	if x.Op == Times {
		lowest = 1
	}
	if x.Op.Counts() && (x.Days < lowest || x.Days > MaxDays) {
		return c.bad("segment.days", "limit", MaxDays)
	}
	switch x.Field {
	case Attribute:
		return c.attribute(a, x, values)
	case Name:
		return c.text("c.name", x.Op, values)
	case Language:
		return c.text("c.language", x.Op, values)
	case Country:
		return c.text("c.country", x.Op, values)
	case Source:
		return c.text("c.source", x.Op, values)
	case Domain:
		return c.domain(x.Op, values)
	case Added:
		return c.moment("c.created_at", x, values)
	case List:
		return c.list(x, values)
	case Purpose:
		return c.purpose(x)
	case DoNotMail:
		not := ""
		if x.Op == No {
			not = "NOT "
		}
		return not + `EXISTS (SELECT 1 FROM suppression sx WHERE sx.account_id = :account AND sx.fp = c.fp AND sx.scope = 'all')`
	}
	return c.activity(x)
}

// The value of an attribute: as JSON, as JSON's text, which tells its type on both databases, and as plain text.
const (
	asValue = "c.attributes -> CAST(? AS {text})"
	asJSON  = "CAST(" + asValue + " AS {text})"
	asText  = "c.attributes ->> CAST(? AS {text})"
)

func (c *compiler) attribute(a contact.Attribute, x Condition, values []string) string {
	switch x.Op {
	case Empty, Filled:
		not := ""
		if x.Op == Filled {
			not = "NOT "
		}
		c.bind(a.Name)
		return "COALESCE(" + asJSON + `, 'null') ` + not + `IN ('null', '""', '[]')`
	}
	read := func(s string) (string, bool) {
		v, err := a.Read(s)
		if err != nil || v.IsZero() {
			c.bad("segment.value", "value", s, "name", a.Name)
			return "", false
		}
		return v.Raw(), true // disclosed: it is bound to the statement
	}
	for i, s := range values {
		if a.Type == contact.TypeText || a.Type == contact.TypeChoice && c.approved {
			continue
		}
		if a.Type == contact.TypeMultiple {
			if !c.approved && !slices.Contains(a.Choices, s) {
				return c.bad("segment.value", "value", s, "name", a.Name)
			}
			continue
		}
		v, ok := read(s)
		if !ok {
			return "false"
		}
		values[i] = v
	}
	switch a.Type {
	case contact.TypeNumber:
		return c.number(a, x, values)
	case contact.TypeDate:
		c.bind(a.Name)
		sql := c.date(asText, x, values)
		c.bind(a.Name)
		return "(" + sql + " AND " + isString + ")"
	case contact.TypeBoolean:
		c.bind(a.Name)
		if x.Op == Yes {
			return asJSON + " = 'true'"
		}
		return asJSON + " = 'false'"
	case contact.TypeMultiple:
		return c.several(a, x.Op, values)
	}
	return c.string(asText, []any{a.Name}, isString, x.Op, values)
}

// isString holds where a text stands. It is asked last: most rows are decided before.
const isString = "{sqlite:substr(" + asJSON + `, 1, 1) = '"'}{postgres:jsonb_typeof(` + asValue + ") = 'string'}"

// isNumber holds where a number stands: what begins with a sign or a digit in JSON.
const isNumber = "{sqlite:" + asJSON + " {binary} BETWEEN '-' AND ':'}{postgres:jsonb_typeof(" + asValue + ") = 'number'}"

// number compares as numbers, where a number stands.
func (c *compiler) number(a contact.Attribute, x Condition, values []string) string {
	const of = "CASE WHEN " + isNumber + " THEN CAST(" + asValue + " AS DOUBLE PRECISION) END"
	n := make([]float64, len(values))
	for i, v := range values {
		n[i], _ = strconv.ParseFloat(v, 64) // Read wrote it
	}
	c.bind(a.Name, a.Name)
	const arg = " CAST(? AS DOUBLE PRECISION)"
	switch x.Op {
	case Between:
		c.bind(min(n[0], n[1]), max(n[0], n[1]))
		return of + " BETWEEN" + arg + " AND" + arg
	case Less:
		c.bind(n[0])
		return of + " <" + arg
	case Greater:
		c.bind(n[0])
		return of + " >" + arg
	case IsNot:
		c.bind(n[0])
		return "NOT COALESCE(" + of + " =" + arg + ", false)"
	}
	c.bind(n[0])
	return of + " =" + arg
}

// lower folds ASCII alone, as lower() does on both databases behind {binary}.
func lower(s string) string {
	b := []byte(s)
	for i, x := range b {
		if x >= 'A' && x <= 'Z' {
			b[i] = x + 32
		}
	}
	return string(b)
}

var escape = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// text compares a text column.
func (c *compiler) text(of string, op Op, values []string) string {
	return c.string(of, nil, "", op, values)
}

// string compares a text column or expression, whose own arguments are given, where a guard
// holds, which takes the same.
func (c *compiler) string(of string, own []any, guard string, op Op, values []string) string {
	folded := "lower((" + of + ") {binary})"
	c.bind(own...)
	var sql string
	const arg = " CAST(? AS {text})"
	switch op {
	case Empty:
		return "COALESCE(" + of + ", '') = ''"
	case Filled:
		return "COALESCE(" + of + ", '') <> ''"
	case Is, IsNot:
		c.bind(lower(values[0]))
		sql = folded + " =" + arg
	case Contains, NotContains:
		c.bind("%" + escape.Replace(lower(values[0])) + "%")
		sql = folded + " LIKE" + arg + " ESCAPE '!'"
	case Begins:
		c.bind(escape.Replace(lower(values[0])) + "%")
		sql = folded + " LIKE" + arg + " ESCAPE '!'"
	default:
		some := make([]string, len(values))
		for i, v := range values {
			some[i] = lower(v)
		}
		c.bind(some)
		sql = folded + " IN ?*"
	}
	if guard != "" {
		c.bind(own...)
		sql = "(" + sql + " AND " + guard + ")"
	}
	if op == IsNot || op == NotContains || op == NoneOf {
		return "NOT COALESCE(" + sql + ", false)"
	}
	return sql
}

// several looks for choices in the JSON of an attribute of which several stand: a choice in its
// quotes is found nowhere else, since a quote within another is escaped (contact.Read, checkedChoices).
func (c *compiler) several(a contact.Attribute, op Op, values []string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v)
		c.bind(a.Name, `"`+quoted+`"`)
		parts[i] = "replace(" + asJSON + ", CAST(? AS {text}), '') <> " + asJSON
		c.bind(a.Name)
	}
	sql := "(" + strings.Join(parts, " OR ") + ")"
	if op == NoneOf {
		return "NOT COALESCE(" + sql + ", false)"
	}
	return sql
}

func (c *compiler) today() legalclock.Date { return legalclock.Day(c.now, c.zone) }

// date compares days of the calendar, which are texts; of's own arguments are bound already.
func (c *compiler) date(of string, x Condition, values []string) string {
	day := "(" + of + ") {binary}"
	today := c.today()
	span := func(from, to legalclock.Date) string {
		c.bind(from.String(), to.String())
		return day + " BETWEEN CAST(? AS {text}) AND CAST(? AS {text})"
	}
	switch x.Op {
	case Before:
		c.bind(values[0])
		return day + " < CAST(? AS {text})"
	case After:
		c.bind(values[0])
		return day + " > CAST(? AS {text})"
	case Between:
		c.bind(min(values[0], values[1]), max(values[0], values[1]))
		return day + " BETWEEN CAST(? AS {text}) AND CAST(? AS {text})"
	case LastDays:
		return span(today.AddDays(-x.Days), today)
	case NextDays:
		return span(today, today.AddDays(x.Days))
	case DaysAgo:
		return span(today.AddDays(-x.Days), today.AddDays(-x.Days))
	case Anniversary:
		c.bind(anniversaries(today, x.Days))
		return "substr(" + of + ", 6) IN ?*"
	}
	c.bind(values[0])
	return day + " = CAST(? AS {text})"
}

// anniversaries are the days of the year, 01-02, from today on; who was born on 29 February has
// their day on the 28th in other years.
func anniversaries(today legalclock.Date, days int) []string {
	var out []string
	for i := range min(days, 366) + 1 {
		d := today.AddDays(i)
		s := d.String()[5:]
		out = append(out, s)
		if s == "02-28" && d.AddDays(1).String()[5:] == "03-01" {
			out = append(out, "02-29")
		}
	}
	return out
}

// moment compares a moment by the account's days.
func (c *compiler) moment(of string, x Condition, values []string) string {
	today := c.today()
	day := func(i int) (legalclock.Date, bool) {
		v, err := contact.TypeDate.Read(values[i])
		if err == nil {
			if d, err := legalclock.ParseDate(v.Raw()); err == nil { // disclosed: what was typed
				return d, true
			}
		}
		c.bad("segment.value", "value", values[i], "name", "")
		return 0, false
	}
	span := func(from, to legalclock.Date) string {
		c.bind(from.Start(c.zone), to.End(c.zone))
		return of + " >= CAST(? AS BIGINT) AND " + of + " < CAST(? AS BIGINT)"
	}
	switch x.Op {
	case LastDays, OnSince:
		return span(today.AddDays(-x.Days), today)
	case DaysAgo:
		return span(today.AddDays(-x.Days), today.AddDays(-x.Days))
	}
	d, ok := day(0)
	if !ok {
		return "false"
	}
	switch x.Op {
	case Before:
		c.bind(d.Start(c.zone))
		return of + " < CAST(? AS BIGINT)"
	case After:
		c.bind(d.End(c.zone))
		return of + " >= CAST(? AS BIGINT)"
	case Between:
		e, ok := day(1)
		if !ok {
			return "false"
		}
		return span(min(d, e), max(d, e))
	}
	return span(d, d)
}

func (c *compiler) domain(op Op, values []string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		a, err := address.Parse("a@" + strings.TrimPrefix(v, "@"))
		if err != nil {
			return c.bad("segment.value", "value", v, "name", "@")
		}
		_, domain, _ := strings.Cut(a.Norm(), "@")
		c.bind("%@" + escape.Replace(domain))
		parts[i] = "c.email_norm LIKE CAST(? AS {text}) ESCAPE '!'"
	}
	sql := "(" + strings.Join(parts, " OR ") + ")"
	if op == IsNot || op == NoneOf {
		return "NOT " + sql
	}
	return sql
}

func (c *compiler) list(x Condition, values []string) string {
	if _, ok := c.lists[x.Of]; !ok {
		return c.bad("segment.list")
	}
	c.bind(x.Of)
	stands := "EXISTS (SELECT 1 FROM subscription sx WHERE sx.account_id = :account AND sx.list_id = CAST(? AS BIGINT) AND sx.contact_id = c.id AND "
	words := func(of string, may func(string) bool) string {
		for _, v := range values {
			if !may(v) {
				return c.bad("segment.value", "value", v, "name", "")
			}
		}
		c.bind(values)
		return stands + of + " IN ?*)"
	}
	switch x.Op {
	case Off:
		return "NOT " + stands + "sx.state = 'given')"
	case OnSince:
		return stands + "sx.state = 'given' AND " + c.moment("sx.since", x, nil) + ")"
	case Status:
		return words("sx.state", func(v string) bool { return slices.Contains(Statuses(), consent.Status(v)) })
	case OnBasis:
		return words("sx.state = 'given' AND sx.basis", func(v string) bool { return consent.Basis(v).Known() })
	case OnGrade:
		return words("sx.state = 'given' AND sx.grade", func(v string) bool { return slices.Contains([]string{"A", "B", "C", "D"}, v) })
	}
	return stands + "sx.state = 'given')"
}

// Statuses are those a condition can name.
func Statuses() []consent.Status {
	return []consent.Status{consent.Given, consent.Requested, consent.Waiting, consent.Withdrawn, consent.Refused, consent.Expired}
}

func (c *compiler) purpose(x Condition) string {
	if _, ok := c.purposes[x.Of]; !ok {
		return c.bad("segment.purpose")
	}
	c.bind(x.Of)
	said := "sx.state = 'given' AND sx.basis = 'consent'" // here or elsewhere: as their page says it
	if x.Op == SaidNo {
		c.bind(int64(consent.SaidNo))
		said = "sx.state <> 'given' AND (sx.state IN ('withdrawn', 'refused') OR sx.said = CAST(? AS BIGINT))"
	}
	return `EXISTS (SELECT 1 FROM list lx JOIN subscription sx ON sx.account_id = :account AND sx.list_id = lx.id AND sx.contact_id = c.id
		WHERE lx.account_id = :account AND lx.purpose_id = CAST(? AS BIGINT) AND ` + said + `)`
}

func (c *compiler) activity(x Condition) string {
	kind := contact.Doing(x.Kind)
	if !slices.Contains(Doings(), kind) {
		return c.bad("segment.field")
	}
	measured := ""
	grant := func() {
		if measured != "" {
			c.bind(x.Grant)
		}
	}
	if Measured(kind) {
		if l, ok := c.lists[x.Grant]; !ok || l.Measures != Measure(kind) {
			return c.bad("segment.grant")
		}
		measured = `EXISTS (SELECT 1 FROM subscription sx WHERE sx.account_id = :account AND sx.list_id = CAST(? AS BIGINT) AND sx.contact_id = c.id AND sx.state = 'given') AND `
	}
	grant()
	c.bind(string(kind))
	did := "EXISTS (SELECT 1 FROM contact_activity ax WHERE ax.account_id = :account AND ax.contact_id = c.id AND ax.kind = CAST(? AS {text})"
	switch x.Op {
	case Never:
		return "(" + measured + "NOT " + did + "))"
	case NotLast:
		sql := c.moment("ax.last_at", Condition{Op: LastDays, Days: x.Days}, nil)
		return "(" + measured + "NOT " + did + " AND " + sql + "))"
	case LastDays:
		return "(" + measured + did + " AND " + c.moment("ax.last_at", x, nil) + "))"
	case Times:
		c.bind(int64(x.Days))
		return "(" + measured + did + " AND ax.times >= CAST(? AS BIGINT)))"
	}
	return fmt.Sprintf("(%s%s))", measured, did)
}
