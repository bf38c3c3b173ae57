// SPDX-License-Identifier: AGPL-3.0-or-later

// Package rulepack promises that a legal value is never a constant in code: it is
// data with a unit, a source and a date, in a pack that is embedded, versioned and
// never edited, under decisions that are only ever added.
//
// Three layers, the later wins: the adopted pack; the installation's decisions
// (within the pack's min and max); the account's choices, which may only tighten,
// or move where the pack says so. Every layer is re-checked on reading: when the
// installation tightens a rule, looser choices of accounts give way by themselves.
//
// For gives the rules of a transaction; every node works by a decision from the act after
// its commit on. Who may sign a decision is checked by the page that takes it; the trace
// of it is written by its caller, since trace lies above.
package rulepack

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/toml/v2"

	"consend/internal/ground/legalclock"
)

// Key names a rule.
type Key string

// The rules that code reads. Each must be in every pack; a test says so.
const (
	RightsAnswer    Key = "rights.answer"     // months to answer a request
	RightsExtension Key = "rights.extension"  // further months, if told in time
	RightsTarget    Key = "rights.target"     // days, the house's own aim
	RightsForward   Key = "rights.forward"    // working days to pass a request to the account
	RightsHold      Key = "rights.hold"       // hours an automatic answer waits
	RightsCaseKept  Key = "rights.case_kept"  // months after the answer
	RightsLink      Key = "rights.link"       // minutes a proof of mailbox lasts
	Art14Notice     Key = "art14.notice"      // months
	Art14Margin     Key = "art14.margin"      // days before its end at which waiting rows go
	Art14Ahead      Key = "art14.ahead"       // days before its end at which people are told by themselves
	WaitingRemind   Key = "waiting.remind"    // days after import, a list
	Mailable        Key = "evidence.mailable" // grades that may be mailed
	WordRefused     Key = "evidence.word_refused"
	EvidenceRow     Key = "evidence.row"
	EvidenceFile    Key = "evidence.file"
	DOIToken        Key = "doi.token"         // days a confirmation link lasts
	DOIPurge        Key = "doi.purge"         // days after which an unconfirmed sign-up goes
	Reconfirm       Key = "consent.reconfirm" // months of silence
	ProofKept       Key = "consent.proof_kept"
	ConsentAge      Key = "consent.age" // years, by country
	UnsubscribeTime Key = "unsubscribe.limit"
	Prospect        Key = "retention.prospect"
	Customer        Key = "retention.customer"
	SuppressionKept Key = "retention.suppression"
	SuppressionLook Key = "retention.suppression_review"
	FullIP          Key = "retention.ip"
	TraceKept       Key = "retention.trace"
	StaffTraceKept  Key = "retention.trace_staff"
	MessageLog      Key = "retention.message_log"
	Preview         Key = "retention.preview"
	InvoiceKept     Key = "retention.invoice"
	ExportKept      Key = "retention.export"
	BackupMain      Key = "backup.main" // days: the horizon of erasure certificates
	BackupKeys      Key = "backup.keys"
	UndoImport      Key = "undo.import"
	UndoRetired     Key = "undo.retired"
	TrackUnknown    Key = "tracking.unknown"
	TrackAskAgain   Key = "tracking.ask_again"
	TrackThreshold  Key = "tracking.threshold" // k: totals over fewer people aren't shown
	TrackTotals     Key = "tracking.totals"
	TrackOpenDate   Key = "tracking.open_date"
	TrackInformed   Key = "tracking.informed_before" // a date, by country
	HoldsB2B        Key = "basis.b2b"                // by country: whether one may write to people on this basis
	HoldsSoftOptIn  Key = "basis.soft_opt_in"
	HoldsMember     Key = "basis.member"
	HoldsPublicTask Key = "basis.public_task"
	HoldsInterest   Key = "basis.non_commercial_li"
	SoftOptInTerm   Key = "soft_opt_in.term" // months since the last sale or use, by country; 0: no such term
	PermitLife      Key = "permit.life"
	Spread          Key = "transactional.spread"
	ProcessorNotice Key = "processor.notice"
	Questionnaire   Key = "processor.questionnaire"
	PaperFollows    Key = "processor.paper_follows"
	TransferReview  Key = "transfer.review"
	TransferEEA     Key = "transfer.eea"        // countries between which nothing is asked
	TransferGood    Key = "transfer.adequate"   // countries with an adequacy decision
	TransferMeans   Key = "transfer.mechanisms" // mechanisms that hold; taking one away stops what rests on it
	BreachAuthority Key = "breach.authority"
	BreachAccounts  Key = "breach.accounts"
	TrainingValid   Key = "training.valid"
	AccessReview    Key = "access.review"
	AccessTell      Key = "access.tell"
	SoloWait        Key = "solo.wait"
	ControlOverdue  Key = "control.overdue"
	ExitExport      Key = "exit.export"
	ExitDelete      Key = "exit.delete"
	ExitCertificate Key = "exit.certificate"
)

// InUse lists the rules that code reads today, in the order of the packs: those a page of rules
// shows. A test holds it against the source of all rooms.
func InUse() []Key {
	return []Key{Art14Notice, Art14Margin, Art14Ahead, WaitingRemind, Mailable, WordRefused,
		Word("site"), Word("paper"), Word("customer"), Word("member"), Word("business"), Word("tool"), Word("acquired"), Word("inherited"), Word("unknown"),
		EvidenceRow, EvidenceFile, HoldsB2B, HoldsSoftOptIn, HoldsMember, HoldsPublicTask, HoldsInterest, SoftOptInTerm, DOIToken, DOIPurge, ProofKept, ConsentAge, Prospect, SuppressionKept, FullIP, MessageLog, ExportKept, UndoImport,
		TrackAskAgain, TrackOpenDate, TrackInformed, PermitLife, Questionnaire, PaperFollows, TransferReview, TransferEEA, TransferGood, TransferMeans}
}

// Word is the rule that tells the grade of a bare word about an origin: "D", or "-"
// where a word isn't enough. Origins: site, paper, customer, member, business,
// tool, acquired, inherited, unknown.
func Word(origin string) Key { return Key("evidence.word." + origin) }

// Rule is one rule of a pack, as published.
type Rule struct {
	Key      Key
	Value    string // canonical text; a list is sorted, with commas
	Unit     string // months, days, working_days, hours, minutes, years, count, bool, text, date, list
	Stricter string // less, more, range, reasoned, subset, superset, true, false, fixed
	Min, Max *int
	Source   string
	Country  map[string]string
}

// Pack is a version of the rules. It's never edited.
type Pack struct {
	Version string
	Date    string // 2006-01-02
	Rules   []Rule // in the order of the file
	byKey   map[Key]int
}

// Rule finds a rule.
func (p *Pack) Rule(k Key) (Rule, bool) {
	i, ok := p.byKey[k]
	if !ok {
		return Rule{}, false
	}
	return p.Rules[i], true
}

//go:embed pack/*.toml
var files embed.FS

// Packs gives all embedded packs, the oldest first. It panics on a pack that can't
// be read: they are part of the program, and a test reads them all.
func Packs() []*Pack {
	names, err := fs.Glob(files, "pack/*.toml")
	if err != nil || len(names) == 0 {
		panic("rulepack: no packs")
	}
	out := make([]*Pack, len(names))
	for i, n := range names {
		b, err := files.ReadFile(n)
		if err == nil {
			out[i], err = Read(b)
		}
		if err != nil {
			panic(fmt.Sprintf("rulepack: %s: %v", n, err))
		}
	}
	return out
}

// Read reads a pack from TOML and refuses one with a gap: a rule without source,
// an unknown unit, a value out of its own bounds.
func Read(b []byte) (*Pack, error) {
	m, err := toml.Parser().Unmarshal(b)
	if err != nil {
		return nil, err
	}
	p := &Pack{byKey: map[Key]int{}}
	p.Version, _ = m["version"].(string)
	p.Date, _ = m["date"].(string)
	if _, err := legalclock.ParseDate(p.Date); err != nil || p.Version == "" {
		return nil, fmt.Errorf("a pack needs a version and a date")
	}
	rules, _ := m["rule"].([]any)
	for _, x := range rules {
		rm, _ := x.(map[string]any)
		r, err := rule(rm)
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", rm["key"], err)
		}
		if _, twice := p.byKey[r.Key]; twice {
			return nil, fmt.Errorf("rule %q stands twice", r.Key)
		}
		p.byKey[r.Key] = len(p.Rules)
		p.Rules = append(p.Rules, r)
	}
	return p, nil
}

func rule(m map[string]any) (Rule, error) {
	r := Rule{}
	key, _ := m["key"].(string)
	r.Key = Key(key)
	r.Unit, _ = m["unit"].(string)
	r.Stricter, _ = m["stricter"].(string)
	r.Source, _ = m["source"].(string)
	r.Min, r.Max = number(m["min"]), number(m["max"])
	r.Value = canonical(m["value"])
	if c, ok := m["country"].(map[string]any); ok {
		r.Country = map[string]string{}
		for name, v := range c {
			r.Country[name] = canonical(v)
		}
	}
	if key == "" || strings.TrimSpace(r.Source) == "" {
		return r, fmt.Errorf("needs a key and a source")
	}
	directions, ok := units[r.Unit]
	if !ok || !slices.Contains(directions, r.Stricter) {
		return r, fmt.Errorf("unit %q with stricter %q", r.Unit, r.Stricter)
	}
	if r.numeric() && r.Stricter != "fixed" && (r.Min == nil || r.Max == nil) {
		return r, fmt.Errorf("a number that may be moved needs min and max")
	}
	if !r.fits(r.Value) {
		return r, fmt.Errorf("value %q is not one of its unit, or out of bounds", r.Value)
	}
	for c, v := range r.Country {
		if len(c) != 2 || !r.fits(v) {
			return r, fmt.Errorf("value %q of country %q", v, c)
		}
	}
	return r, nil
}

// units lists what may be strict in each unit.
var units = func() map[string][]string {
	n := []string{"less", "more", "range", "reasoned", "fixed"}
	return map[string][]string{
		"months": n, "days": n, "working_days": n, "hours": n, "minutes": n, "years": n, "count": n,
		"bool": {"true", "false", "fixed"}, "text": {"fixed"}, "date": {"fixed"}, "list": {"subset", "superset", "fixed"},
	}
}()

func (r Rule) numeric() bool {
	return r.Unit != "bool" && r.Unit != "text" && r.Unit != "date" && r.Unit != "list"
}

// fits tells whether a text is a value of the rule's unit within its bounds.
func (r Rule) fits(v string) bool {
	switch r.Unit {
	case "bool":
		return v == "true" || v == "false"
	case "text":
		return v != ""
	case "list":
		return v == listOf(v).text()
	case "date":
		_, err := legalclock.ParseDate(v)
		return v == "" || err == nil
	}
	n, err := strconv.Atoi(v)
	return err == nil && strconv.Itoa(n) == v && n >= 0 && (r.Min == nil || n >= *r.Min) && (r.Max == nil || n <= *r.Max)
}

// tightens tells whether an account may put v in place of now.
func (r Rule) tightens(now, v, reason string) bool {
	if !r.fits(v) {
		return false
	}
	a, _ := strconv.Atoi(now)
	b, _ := strconv.Atoi(v)
	switch r.Stricter {
	case "less":
		return b <= a
	case "more":
		return b >= a
	case "range":
		return true
	case "reasoned": // kind.md, retention: shorter freely, longer with a written reason
		return b <= a || strings.TrimSpace(reason) != ""
	case "true", "false":
		return v == r.Stricter || v == now
	case "subset":
		return listOf(v).within(listOf(now))
	case "superset":
		return listOf(now).within(listOf(v))
	}
	return v == now
}

type list []string

func listOf(v string) list {
	if v == "" {
		return nil
	}
	l := strings.Split(v, ",")
	slices.Sort(l)
	return slices.Compact(l)
}

func (l list) text() string { return strings.Join(l, ",") }

func (l list) within(o list) bool {
	for _, x := range l {
		if !slices.Contains(o, x) {
			return false
		}
	}
	return true
}

func canonical(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case bool:
		return strconv.FormatBool(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case []any:
		parts := make([]string, len(x))
		for i, p := range x {
			parts[i], _ = p.(string)
		}
		return listOf(strings.Join(parts, ",")).text()
	}
	return "?"
}

func number(v any) *int {
	if n, ok := v.(int64); ok {
		i := int(n)
		return &i
	}
	return nil
}

// Rules are the rules in force for one account (or, of account 0, for the
// installation) at one moment. They are values: share them freely, and ask For again in
// the next transaction.
type Rules struct {
	pack    *Pack
	below   *Rules // without the account's choices; nil of the installation's
	changed map[Key]Change
	head    head // the last decisions that count here
}

// Change is what put a value in place of the pack's.
type Change struct {
	Value   string
	Account int64 // 0 = the installation
	ID      int64 // of the decision
	From    legalclock.Moment
	Reason  string
}

// Published are the rules of a pack as they are, without any decision.
func Published(p *Pack) *Rules { return &Rules{pack: p, changed: map[Key]Change{}} }

// Version names the rules in force: the pack, the installation's last decision that counts,
// and after a point the account's. A permit and a proof keep it.
func (r *Rules) Version() string {
	v := r.pack.Version
	if r.head != (head{}) {
		v += "+" + strconv.FormatInt(r.head.House, 10)
	}
	if r.head.Own != 0 {
		v += "." + strconv.FormatInt(r.head.Own, 10)
	}
	return v
}

// Pack is the adopted pack.
func (r *Rules) Pack() *Pack { return r.pack }

// Changed tells whether and by whom the pack's value was replaced.
func (r *Rules) Changed(k Key) (Change, bool) { c, ok := r.changed[k]; return c, ok }

// under gives the rules an account's choice is held against.
func (r *Rules) under(account int64) *Rules {
	switch {
	case account == 0:
		return Published(r.pack)
	case r.below != nil:
		return r.below
	}
	return r
}

// House gives the rules of the installation, without the account's choices.
func (r *Rules) House() *Rules { return r.under(1) }

// Text gives a value as text, a number in the rule's unit. An unknown key is an
// error of the program: it panics, as all readers of values do.
func (r *Rules) Text(k Key) string { return r.Country(k, "") }

// Country gives the value for a controller's country (ISO 3166 alpha-2), or the
// general one where the country has none. A decision of the installation beats the country's
// value; an account's choice does where it is stricter than that.
func (r *Rules) Country(k Key, country string) string {
	rl := r.rule(k)
	c, ok := r.changed[k]
	if ok && c.Account == 0 {
		return c.Value
	}
	v, own := rl.Country[country]
	if !own {
		v = rl.Value
	}
	if ok {
		if b := r.under(c.Account); b != r {
			v = b.Country(k, country)
		}
		if rl.tightens(v, c.Value, c.Reason) {
			v = c.Value
		}
	}
	return v
}

// CountryBool gives a yes or no for a country.
func (r *Rules) CountryBool(k Key, country string) bool {
	return r.of(k, "bool").Country(k, country) == "true"
}

// Countries lists the countries that have a value of their own, sorted.
func (r *Rules) Countries(k Key) []string { return slices.Sorted(maps.Keys(r.rule(k).Country)) }

// Number gives a value in the unit of its rule.
func (r *Rules) Number(k Key) int { return r.number(k, r.Text(k)) }

// CountryNumber gives a number for a country.
func (r *Rules) CountryNumber(k Key, country string) int { return r.number(k, r.Country(k, country)) }

func (r *Rules) number(k Key, v string) int {
	n, err := strconv.Atoi(v)
	if err != nil {
		panic("rulepack: " + string(k) + " is no number")
	}
	return n
}

// Bool gives a yes or no.
func (r *Rules) Bool(k Key) bool { return r.of(k, "bool").Text(k) == "true" }

// List gives a sorted list.
func (r *Rules) List(k Key) []string { return listOf(r.of(k, "list").Text(k)) }

// Has tells whether a list holds an item.
func (r *Rules) Has(k Key, item string) bool { return slices.Contains(r.List(k), item) }

// Duration gives a value in hours or minutes. Months and days have no duration: see After and Before.
func (r *Rules) Duration(k Key) time.Duration {
	n := time.Duration(r.Number(k))
	switch r.rule(k).Unit {
	case "hours":
		return n * time.Hour
	case "minutes":
		return n * time.Minute
	}
	panic("rulepack: " + string(k) + " isn't a duration")
}

// After gives the end of a term of months, days, hours or minutes that began at a
// moment: calendar terms end with the last hour of their last day in the zone
// (Regulation 1182/71, art. 3).
func (r *Rules) After(k Key, m legalclock.Moment, zone *time.Location) legalclock.Moment {
	n := r.Number(k)
	switch r.rule(k).Unit {
	case "months":
		return legalclock.Day(m, zone).AddMonths(n).End(zone)
	case "days":
		return legalclock.Day(m, zone).AddDays(n).End(zone)
	}
	return m.Add(r.Duration(k))
}

// Before gives the day before whose begin a term has ended by now: rows with a day
// earlier than it are due. Only for months and days.
func (r *Rules) Before(k Key, now legalclock.Moment, zone *time.Location) legalclock.Date {
	return r.CountryBefore(k, "", now, zone)
}

// CountryBefore is Before with the term of a country.
func (r *Rules) CountryBefore(k Key, country string, now legalclock.Moment, zone *time.Location) legalclock.Date {
	n, today := r.CountryNumber(k, country), legalclock.Day(now, zone)
	switch r.rule(k).Unit {
	case "months":
		// Not AddMonths(-n) alone: of 28 February, a month back is 28 January, but 31
		// January + 1 month ends on 28 February too. The first day whose term hasn't ended.
		d := today.AddMonths(-n)
		for d.AddMonths(n) < today {
			d++
		}
		for (d - 1).AddMonths(n) >= today {
			d--
		}
		return d
	case "days":
		return today.AddDays(-n)
	}
	panic("rulepack: " + string(k) + " isn't counted in days")
}

// Grade gives the evidence grade of an origin: what the row or file proves, or what
// the bare word is worth ("" = waiting for proof). For acquired, inherited and
// unknown origins only proof counts.
func (r *Rules) Grade(origin string, row, file bool) string {
	switch {
	case row:
		return r.Text(EvidenceRow)
	case file:
		return r.Text(EvidenceFile)
	}
	k := Word(origin)
	if _, ok := r.pack.Rule(k); !ok || r.Has(WordRefused, origin) {
		return ""
	}
	return strings.TrimPrefix(r.Text(k), "-")
}

func (r *Rules) rule(k Key) Rule {
	rl, ok := r.pack.Rule(k)
	if !ok {
		panic("rulepack: no rule " + string(k))
	}
	return rl
}

func (r *Rules) of(k Key, unit string) *Rules {
	if r.rule(k).Unit != unit {
		panic("rulepack: " + string(k) + " isn't a " + unit)
	}
	return r
}

// With lays decisions over the rules, in order of their numbers; what no longer
// fits the layer below is passed over.
func (r *Rules) With(account int64, decisions []Decision) *Rules {
	out := &Rules{pack: r.pack, head: r.head, changed: map[Key]Change{}}
	if account != 0 {
		out.below = r
	}
	for k, c := range r.changed {
		out.changed[k] = c
	}
	for _, d := range decisions {
		if account == 0 {
			out.head.House = max(out.head.House, d.ID)
		} else {
			out.head.Own = max(out.head.Own, d.ID)
		}
		if !d.fits(r, account) {
			continue
		}
		if d.Value == "" { // back to the layer below
			delete(out.changed, d.Key)
			if c, ok := r.changed[d.Key]; ok {
				out.changed[d.Key] = c
			}
			continue
		}
		out.changed[d.Key] = Change{d.Value, account, d.ID, d.ValidFrom, d.Reason}
	}
	return out
}
