// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/pii"
	"consend/internal/ground/rulepack"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer/sheet"
	"consend/internal/team/account"
)

// row is one person of the file, read and understood.
type row struct {
	line       int
	email      address.Address
	name       string
	language   string
	country    string
	attributes contact.Attributes
	at         legalclock.Moment
	ip         pii.IP
	asked      legalclock.Moment // when the form was sent, where the mailbox confirmed it later
	askedIP    pii.IP
	reason     string // why the person left, as the other tool has it
	source     string
	words      string
	method     string
	said       said
	shows      bool // it has its own moment, and source, words or form
	again      bool // its address stood on an earlier line: only its no counts
	saidAt     legalclock.Moment
	bouncedAt  legalclock.Moment // where the row tells it
	grade      consent.Grade
	lacks      string           // why it waits for proof
	hashed     consent.HashKind // of a refusal: the row holds a hash instead of an address
	hash       []byte
	basis      consent.Basis // why the row itself says one may write; "" is what the origin says
	unclear    string        // what it says in words that aren't known, as what it waits for

	lost bool // it states a country that isn't known

	measures     measuring // what the person answered about measuring
	measuresAt   legalclock.Moment
	measuresBy   string // where
	measuresText string // the words
}

// said is what the row itself says against mailing.
type said byte

const (
	nothing  said = iota
	left          // unsubscribed there: a withdrawal on this list
	blocked       // on the other tool's do-not-mail list: suppressed everywhere
	bounced       // the mailbox does not exist
	complain      // called it spam
)

// note is a line of the report: a refused row, a duplicate, or a value that was left out.
type note struct {
	kind   noteKind
	line   int
	key    string
	column string
	args   []any
}

type noteKind string

const (
	refused   noteKind = "refused"   // the row is not imported
	duplicate noteKind = "duplicate" // its address stands on an earlier line
	remark    noteKind = "remark"    // the row is imported without one value
	withheld  noteKind = "withheld"  // the person may not be written to
)

// reader understands rows by a mapping and an origin. It is one goroutine's.
type reader struct {
	mapping Mapping
	origin  Origin
	names   []string
	zone    *time.Location
	now     legalclock.Moment
	shape   Shape
	graded  [2]string // the grade without and with evidence in the row
	lacks   [2]string
	batch   int  // rows of one set act
	tool    bool // the file is another tool's export: it is the form of every row
	// Mailchimp's file of people who bought or wrote, and never subscribed: nothing in its rows says so.
	strangers bool
	whole     said // what Mailchimp's file of who left, or of who bounced, says of every row
	refusing  bool // of people who must not be written to
	own       map[consent.Basis]graded
	grading   func(consent.Basis) graded
	spare     *sync.Pool // rows of batches that are written, for those that come
	checks    []*choices // by column: the attributes whose choices were declared
	named     []bool     // by column: its heading calls it a status and asks for nothing
	leaves    []bool     // by column: its heading says that somebody left
	asks      []int      // columns that ask for a yes, and in some rows hold an answer
}

// wholeFile is what Mailchimp's file of who left, or of who bounced, says of every row: it is known by its name, or by a
// moment in most rows. In a file that somebody put together from several, a row without one is of who stayed.
func wholeFile(i Import) said {
	name := strings.ToLower(i.Name)
	for k, h := range i.Survey.Header {
		most := i.Survey.Says(k)*2 > i.Survey.Rows
		switch folded(h) {
		case "unsubtime":
			if most || strings.Contains(name, "unsubscribed") {
				return left
			}
		case "cleantime":
			if most || strings.Contains(name, "cleaned") {
				return bounced
			}
		}
	}
	return nothing
}

// choices are an attribute's, against which the values of a column are held.
type choices struct {
	of   contact.Attribute
	read map[string]contact.Value // what was read before: a file says the same again and again
}

// maxRead is how many ways to write choices are remembered.
const maxRead = 1000

// declare takes the account's attributes: a column has the type of its attribute, and its choices.
func (r *reader) declare(all []contact.Attribute) {
	r.checks = make([]*choices, len(r.mapping))
	for k, c := range r.mapping {
		for _, a := range all {
			if c.To != Attribute || a.Name != c.Attribute {
				continue
			}
			r.mapping[k].Type = a.Type
			if c = r.mapping[k]; c.chooses() && !c.Collect && len(a.Choices) > 0 {
				r.checks[k] = &choices{a, map[string]contact.Value{}}
			}
		}
	}
}

// value reads an attribute's value by its column, or gives the key of why it is left out, and its arguments.
func (r *reader) value(i int, c Column, s string) (contact.Value, string, []any) {
	if i < len(r.checks) && r.checks[i] != nil {
		return r.checks[i].value(s)
	}
	v, ok := readValue(c, s)
	switch {
	case !ok && c.chooses():
		return v, "import.row.text_long", nil
	case !ok:
		return v, "import.row." + string(c.Type), nil
	}
	return v, "", nil
}

func (c *choices) value(s string) (contact.Value, string, []any) {
	if v, ok := c.read[s]; ok {
		return v, "", nil
	}
	v, err := c.of.Read(s)
	switch {
	case fault.Is(err, fault.Invalid) && fault.All(err)[0].Key == "contact.attribute.unknown":
		return v, unknownValue, fault.All(err)[0].Args
	case err != nil:
		return v, "import.row.text_long", nil
	}
	if len(c.read) < maxRead && len(s) <= 200 {
		c.read[s] = v
	}
	return v, "", nil
}

// graded is the grade without and with evidence in the row, and what it lacks.
type graded struct{ grade, lacks [2]string }

// newReader prepares what is the same for all rows. file tells whether there is a file of
// evidence, word whether a named owner or admin gave theirs.
func newReader(i Import, rules *rulepack.Rules, now legalclock.Moment, zone *time.Location) *reader {
	r := &reader{mapping: i.Mapping, origin: i.Origin, names: i.Survey.Header, zone: zone, now: now, shape: i.Shape, batch: batchRows, tool: i.Origin.Kind == Tool, spare: new(sync.Pool), refusing: i.Refusing()}
	if i.Shape == Mailchimp && i.Mapping.Index(Status) < 0 {
		r.whole = wholeFile(i)
	}
	r.named, r.leaves = make([]bool, len(i.Mapping)), make([]bool, len(i.Mapping))
	for k, c := range i.Mapping {
		if k < len(r.names) {
			h := folded(r.names[k])
			r.named[k], r.leaves[k] = named[h], headings[h] == Unsubscribed
		}
		if r.shape == Plain && c.To == Status && !r.named[k] && i.Survey.Says(k) > 0 { // of other tools' exports columns are blank by nature
			r.asks = append(r.asks, k)
		}
	}
	if r.refusing {
		return r
	}
	r.strangers = i.Shape == Mailchimp && strings.Contains(strings.ReplaceAll(strings.ToLower(i.Name), "-", ""), "nonsubscribed")
	r.own = map[consent.Basis]graded{}
	r.grading = func(b consent.Basis) (g graded) {
		o := i.Origin
		o.Basis = b
		for k, row := range []bool{false, true} {
			g.grade[k], g.lacks[k] = grade(o, rules, row, i.Evidence != 0, i.DeclaredBy != 0)
		}
		return g
	}
	g := r.grading(i.Origin.Basis)
	r.graded, r.lacks = g.grade, g.lacks
	return r
}

// grade is the evidence grade of rows of an origin (kind.md): B by the row itself, C by a
// file for the group, D by the word of a named owner or admin; "" waits, and says for what.
func grade(o Origin, rules *rulepack.Rules, row, file, word bool) (g, lacks string) {
	if l := o.lacks(); l != "" {
		return "", l
	}
	g = rules.Grade(string(o.word()), row, file)
	switch {
	case g == string(consent.GradeD) && !word:
		return "", "undeclared"
	case g == "":
		return "", "no_evidence"
	case !rules.Has(rulepack.Mailable, g):
		return "", "grade_too_low" // the account asks for more than this
	}
	return g, ""
}

// read understands one row. Notes are what was left out; a fault refuses the row. attributes
// is an empty map that may be used, or nil.
func (r *reader) read(in sheet.Row, attributes contact.Attributes) (out row, notes []note, bad *fault.Error) {
	out.line, out.attributes = in.Line, attributes
	var first, last string
	var ip, ip2 pii.IP
	var at, confirm, yes legalclock.Moment
	leave := func(i int, key string) {
		notes = append(notes, note{remark, in.Line, key, r.column(i), nil})
	}
	if n := r.stray(in.Cells); n > 0 {
		return out, nil, fault.New(fault.Invalid, "import.row.too_many_cells", "cells", n, "columns", len(r.names)).OnLine(in.Line)
	}
	seen, answered, unsureAt, yesAt, measuresIn := false, false, -1, -1, -1
	for i, cell := range in.Cells {
		if i >= len(r.mapping) {
			break
		}
		c := r.mapping[i]
		if c.To == Skip {
			continue
		}
		s := locale.Uncell(strings.TrimSpace(string(cell))) // as our own tables write it
		if s == "" {
			continue // a blank never erases
		}
		if s[0] == '#' && broken[s] && !c.To.repeats() && c.To != Email && c.To != Country && c.To != Basis { // there what can't be read is told already
			leave(i, "import.row.formula")
			continue
		}
		switch c.To {
		case Email:
			if kind, h, ok := consent.ReadHash(s); ok && r.refusing {
				out.hashed, out.hash, seen = kind, h, true
				continue
			}
			var shown string
			if s[len(s)-1] == '>' { // Ada Lovelace <ada@example.org>
				shown, s = sheet.Display(s)
			}
			a, err := address.Parse(s)
			if shown != "" && out.name == "" {
				out.name = r.text(i, shown, 200, leave)
			}
			if err != nil {
				return out, nil, fault.All(err)[0].At(r.column(i)).OnLine(in.Line)
			}
			out.email, seen = a, true
		case FullName:
			out.name = r.text(i, s, 200, leave)
		case FirstName:
			first = r.text(i, s, 100, leave)
		case LastName:
			last = r.text(i, s, 100, leave)
		case Language:
			if out.language = readLanguage(s); out.language == "" {
				leave(i, "import.row.language")
			}
		case Country:
			if out.country = account.ReadCountry(s); out.country == "" {
				out.lost = true
				leave(i, "import.row.country")
			}
		case Attribute:
			v, key, args := r.value(i, c, s)
			if key != "" {
				notes = append(notes, note{remark, in.Line, key, r.column(i), args})
				continue
			}
			out.set(c.Attribute, v)
		case ConsentAt:
			at = r.moment(i, c, s, leave)
		case ConfirmAt:
			confirm = r.moment(i, c, s, leave)
		case ConsentIP, ConfirmIP:
			p, err := pii.ParseIP(s)
			switch {
			case err != nil:
				leave(i, "import.row.ip")
			case c.To == ConfirmIP:
				ip2 = p
			default:
				ip = p
			}
		case Source:
			out.source = r.text(i, s, 300, leave)
		case Wording:
			out.words = r.text(i, s, 4000, leave)
		case Basis:
			var ok bool
			if out.basis, ok = SpokenBasis(s); !ok {
				if out.basis = ""; out.unclear == "" {
					out.unclear = "basis_unclear"
				}
				leave(i, "import.row.basis")
			}
		case Motive:
			if why := r.text(i, s, 1000, leave); why != "" && out.reason != "" {
				out.reason += ": " + why
			} else if why != "" {
				out.reason = why
			}
		case Pending:
			if yes, ok := readBool(s); yes || !ok {
				unsureAt = i
			} else {
				yesAt = i
			}
		case Confirmed:
			switch yes, ok := readBool(s); {
			case ok && yes || statuses[folded(s)] == nothing && isStatus(s):
				yesAt, answered = i, true
			case !ok && r.dated(s, c):
				confirm = r.moment(i, c, s, leave)
			default:
				unsureAt = i
			}
		case Unsubscribed, Blocked, Bounced, Complained:
			no, when := r.no(c, s)
			switch {
			case !no:
				yesAt = i
				continue
			case r.refusing && when != 0 && c.To == Unsubscribed && !r.leaves[i]: // when it was said, and not why
				out.saidAt = max(out.saidAt, when)
				continue
			}
			out.say(map[Field]said{Unsubscribed: left, Blocked: blocked, Bounced: bounced, Complained: complain}[c.To], when)
		case Measures:
			if v, ok := readMeasures(s); !ok {
				leave(i, "import.row.measures")
			} else if v != unanswered {
				out.measures, measuresIn = v, i
			}
		case MeasuresAt:
			out.measuresAt = r.moment(i, c, s, leave)
		case MeasuresBy:
			out.measuresBy = r.text(i, s, 300, leave)
		case MeasuresText:
			out.measuresText = r.text(i, s, 4000, leave)
		case Status:
			w, ok := readStatus(s)
			switch {
			case !ok && r.dated(s, c):
				yes, yesAt, answered = r.moment(i, c, s, leave), i, true
			case !ok:
				out.unclear = unclearStatus // it may be a no: that says more against the row than any other lack
				leave(i, "import.row.status")
			case w == unsure:
				unsureAt = i
			case w == nothing:
				yesAt, answered = i, answered || !r.named[i] || agreed[folded(s)]
			default:
				out.say(w, 0)
			}
		}
	}
	if !seen {
		i := r.mapping.Index(Email)
		return out, nil, fault.New(fault.Invalid, "import.row.no_email").At(r.column(i)).OnLine(in.Line)
	}
	if out.said == nothing && r.whole != nothing {
		out.say(r.whole, 0)
	}
	if r.refusing {
		if yesAt >= 0 && out.said == nothing { // a whole export, chosen by mistake, would silence everybody for ever
			c := r.column(yesAt)
			return out, nil, fault.New(fault.Invalid, "import.row.not_refused", "column", c).At(c).OnLine(in.Line)
		}
		return out, notes, nil
	}
	if r.strangers && out.said == nothing {
		return out, nil, fault.New(fault.Invalid, "import.row.not_subscribed", "column", r.shape.Tool()).OnLine(in.Line)
	}
	if unsureAt >= 0 && out.said == nothing { // a no is heard all the same
		c := r.column(unsureAt)
		return out, nil, fault.New(fault.Invalid, "import.row.not_subscribed", "column", c).At(c).OnLine(in.Line)
	}
	if out.said == nothing && out.unclear != unclearStatus && !answered && at == 0 && confirm == 0 && r.blank(in.Cells) {
		out.unclear = blankAnswer
	}
	if out.measures.yes() && (out.measuresAt == 0 || out.measuresBy == "" || out.measuresText == "" || r.origin.Indirect()) {
		leave(measuresIn, "import.row.measures_bare") // unknown is not measured
		out.measures = unanswered
	}
	if first != "" || last != "" {
		out.name = strings.TrimSpace(first + " " + last)
		if first != "" {
			out.set(FirstNameAttribute, textValue(first))
		}
		if last != "" {
			out.set(LastNameAttribute, textValue(last))
		}
	}
	if at == 0 && confirm == 0 && out.said == nothing {
		at = yes
	}
	out.at, out.ip = at, ip
	if confirm != 0 { // double opt-in there: the later act is the stronger, and the first is kept beside it
		out.at, out.ip = confirm, ip2
		if at != 0 && at != confirm || !ip.IsZero() && !ip2.IsZero() && ip != ip2 {
			out.asked, out.askedIP = at, ip
		} else if out.ip.IsZero() {
			out.ip = ip
		}
	} else if ip.IsZero() {
		out.ip = ip2
	} else if !ip2.IsZero() && ip != ip2 {
		out.ip, out.asked, out.askedIP = ip2, at, ip
	}
	r.prove(&out)
	return out, notes, nil
}

// blank tells whether a row leaves out the answer that a column asks for. Who ticks those that said yes has not heard the others.
func (r *reader) blank(cells [][]byte) bool {
	return slices.ContainsFunc(r.asks, func(i int) bool { return i >= len(cells) || len(bytes.TrimSpace(cells[i])) == 0 })
}

// stray gives the number of cells when some stand beyond the columns that have a name or a
// meaning: a separator too many has moved the values of this row.
func (r *reader) stray(cells [][]byte) int {
	for i := max(len(r.names), 1); i < len(cells); i++ {
		if len(r.names) == 0 && i < len(r.mapping) || i < len(r.mapping) && r.mapping[i].To != Skip {
			continue
		}
		if len(bytes.TrimSpace(cells[i])) > 0 {
			return len(cells)
		}
	}
	return 0
}

// prove gives the row its grade: moment and source with text or form make B (kind.md).
func (r *reader) prove(out *row) {
	o := r.origin
	if out.basis != "" {
		o.Basis = out.basis
	}
	if out.lost && !o.basis().Everywhere() { // the account's own country alone would decide
		switch out.unclear {
		case "":
			out.unclear = "country_unclear"
		case "basis_unclear":
			out.unclear = "basis_and_country_unclear"
		}
	}
	b := 0
	if out.at != 0 && (out.source != "" || out.words != "" || r.tool) {
		b, out.shows = 1, true
	}
	out.grade, out.lacks = consent.Grade(r.graded[b]), r.lacks[b]
	switch {
	case out.unclear != "": // nobody guesses why somebody may be written to, or whether they left
		out.grade, out.lacks = consent.Ungraded, out.unclear
	case out.basis != "":
		g, known := r.own[out.basis]
		if !known {
			g = r.grading(out.basis)
			r.own[out.basis] = g
		}
		out.grade, out.lacks = consent.Grade(g.grade[b]), g.lacks[b]
	}
	if out.source == "" {
		out.source = r.origin.source()
	}
	if out.words == "" {
		out.words = r.origin.Words
	}
	out.method = "csv"
	if r.origin.Kind == Paper {
		out.method = "paper"
	}
}

func (o *row) set(name string, v contact.Value) {
	if o.attributes == nil {
		o.attributes = make(contact.Attributes, 8)
	}
	o.attributes[name] = v
}

func textValue(s string) contact.Value { v, _ := contact.TypeText.Read(s); return v } // at most 100 characters

// say keeps the stronger no.
func (o *row) say(s said, when legalclock.Moment) {
	if s > o.said {
		o.said = s
	}
	o.saidAt = max(o.saidAt, when)
	if s == bounced && when != 0 {
		o.bouncedAt = when
	}
}

func (r *reader) column(i int) string {
	if i >= 0 && i < len(r.names) && r.names[i] != "" {
		return r.names[i]
	}
	return itoa(i + 1)
}

// text keeps a value that fits and can be shown: no control characters but line breaks of long texts.
func (r *reader) text(i int, s string, limit int, leave func(int, string)) string {
	if utf8.RuneCountInString(s) > limit {
		leave(i, "import.row.text_long")
		return ""
	}
	return tidy(s)
}

// tidy takes out control characters; a line break becomes a space.
func tidy(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] == 0x7f {
			return strings.Join(strings.FieldsFunc(s, func(c rune) bool { return c < 0x20 || c == 0x7f }), " ")
		}
	}
	return s
}

func (r *reader) moment(i int, c Column, s string, leave func(int, string)) legalclock.Moment {
	t, ok := readMoment(s, c.Month, r.zone)
	if !ok {
		leave(i, "import.row.moment")
		return 0
	}
	m := legalclock.MomentOf(t)
	if m > r.now {
		leave(i, "import.row.future")
		return 0
	}
	return m
}

// dated tells whether a cell of answers holds the moment of a yes.
func (r *reader) dated(s string, c Column) bool {
	t, ok := readMoment(s, c.Month, r.zone)
	return ok && legalclock.MomentOf(t) <= r.now
}

// none is how databases, lists of lists and people write that there is nothing to say.
var none = map[string]bool{"[]": true, "null": true, `\n`: true, "0000-00-00": true, "0000-00-00 00:00:00": true, "f": true, "off": true, "-": true, "none": true, "aucun": true, "aucune": true, "never": true, "jamais": true}

// no reads a column that says somebody left: a yes, or the moment of it. What is neither is
// taken as a yes: a no that can't be read is still a no.
func (r *reader) no(c Column, s string) (bool, legalclock.Moment) {
	if v, ok := readBool(s); ok || none[strings.ToLower(s)] {
		return v, 0
	}
	if t, ok := readMoment(s, c.Month, r.zone); ok && legalclock.MomentOf(t) <= r.now {
		m := legalclock.MomentOf(t)
		if !strings.Contains(s, ":") { // a day: of a yes and a no on the same one, the no is the later
			m = min(legalclock.Day(m, r.zone).End(r.zone)-1, r.now) // its last moment, so that it is shown and proved on that day
		}
		return true, m
	}
	return true, 0
}

// measuring is what a person answered about measuring, as a row tells it.
type measuring byte

const (
	unanswered measuring = iota
	refusedIt
	grantedIt
	informedOf // told of it, and did not object: holds where the rules say so, before their day (compliance L5)
)

func (m measuring) yes() bool { return m == grantedIt || m == informedOf }

// readMeasures reads it; ok is false of words that aren't known.
func readMeasures(s string) (m measuring, ok bool) {
	if v, ok := readBool(s); ok && v {
		return grantedIt, true
	} else if ok {
		return refusedIt, true
	}
	switch folded(s) {
	case "granted", "accepted", "allowed", "optin", "consented", "accorde", "accepte":
		return grantedIt, true
	case "denied", "refused", "declined", "optout", "withdrawn", "refuse":
		return refusedIt, true
	case "informed", "informednoobjection", "informe", "informesansopposition":
		return informedOf, true
	case "unknown", "none", "inconnu":
		return unanswered, true
	}
	return unanswered, false
}

// broken is what spreadsheets write where a formula failed.
var broken = map[string]bool{"#N/A": true, "#REF!": true, "#VALUE!": true, "#DIV/0!": true, "#NAME?": true, "#NULL!": true, "#NUM!": true, "#SPILL!": true, "#CALC!": true}

// agreed are the words of a status that say somebody subscribed; another, such as "active", may be of a customer.
var agreed = words("subscribed inscrit inscrite abonne abonnee optin optedin inscrits inscrites abonnes abonnees")

// unsure is a person who never subscribed there: no claim is made for them.
const unsure said = 255

// readStatus reads a status, or several of one person as they have on several lists: the strongest no of them, where all say
// no. A yes beside a no says neither.
func readStatus(s string) (w said, ok bool) {
	if w, ok = statuses[folded(s)]; ok || !strings.Contains(s, ",") {
		return w, ok
	}
	for n, part := range strings.Split(s, ",") {
		p, known := statuses[folded(part)]
		if !known || p == unsure || n > 0 && (p == nothing) != (w == nothing) {
			return nothing, false
		}
		w = max(w, p)
	}
	return w, true
}

func isStatus(s string) bool { _, ok := statuses[folded(s)]; return ok }

var statuses = map[string]said{
	"subscribed": nothing, "active": nothing, "inactive": nothing, "inactif": nothing, "inscrite": nothing, "abonnee": nothing, "actif": nothing, "confirmed": nothing, "confirme": nothing, "enabled": nothing, "inscrit": nothing, "abonne": nothing, "optin": nothing, "optedin": nothing, "yes": nothing, "oui": nothing, "1": nothing, "true": nothing, "vrai": nothing, "y": nothing, "o": nothing, "t": nothing, "x": nothing, "on": nothing, "ja": nothing, "accepted": nothing, "accepte": nothing, "granted": nothing, "given": nothing, "donne": nothing, "agreed": nothing,
	"unsubscribed": left, "desinscrit": left, "desabonne": left, "desinscrite": left, "desabonnee": left, "unsub": left, "unsubscribe": left, "left": left, "optout": left, "optedout": left, "archived": left, "no": left, "non": left, "0": left, "false": left, "faux": left, "n": left, "f": left, "off": left, "nein": left, "refused": left, "refuse": left, "declined": left, "denied": left, "withdrawn": left, "retire": left, "resilie": left, "resiliee": left, "never": left, "jamais": left,
	"blacklisted": blocked, "blocklisted": blocked, "blocked": blocked, "disabled": blocked, "bloque": blocked, "bloquee": blocked, "suppressed": blocked, "excluded": blocked, "donotmail": blocked, "donotcontact": blocked,
	"cleaned": bounced, "bounced": bounced, "hardbounce": bounced, "hardbounced": bounced, "bounce": bounced, "undeliverable": bounced, "invalid": bounced, "rejete": bounced,
	"complained": complain, "spam": complain, "abuse": complain, "spamcomplaint": complain, "plainte": complain,
	"refus": left, "refusee": left, "refuses": left, "refusees": left, "stop": left, "stoppe": left, "stoppee": left, "stoppes": left, "stoppees": left, "desinscrits": left, "desinscrites": left, "desabonnes": left, "desabonnees": left, "desinscription": left, "desabonnement": left, "retiree": left, "radie": left, "radiee": left, "radies": left, "radiees": left, "neveutplus": left,
	"nepluscontacter": blocked, "necontacterplus": blocked, "nepascontacter": blocked, "nepasecrire": blocked, "neplusecrire": blocked, "bloques": blocked, "bloquees": blocked, "oppose": blocked, "opposee": blocked, "opposes": blocked, "opposees": blocked, "opposition": blocked, "exclu": blocked, "exclue": blocked,
	"invalide": bounced, "rejetee": bounced, "npai": bounced,
	"valid": nothing, "valide": nothing, "confirmee": nothing, "inscrits": nothing, "inscrites": nothing, "abonnes": nothing, "abonnees": nothing, "acceptee": nothing,
	"mixed": unsure, "pending": unsure, "unconfirmed": unsure, "nonsubscribed": unsure, "notsubscribed": unsure, "transactional": unsure, "enattente": unsure, "nonconfirme": unsure, "noninscrit": unsure, "nonconfirmee": unsure, "noninscrite": unsure,
}

// readValue reads an attribute's value by its column. What other tools write in more ways
// than contact reads is made canonical first; choices that an import brings stay as they are written.
func readValue(c Column, s string) (contact.Value, bool) {
	switch c.Type {
	case contact.TypeNumber:
		n, ok := readNumber(s)
		if !ok {
			return contact.Value{}, false
		}
		s = n
	case contact.TypeDate:
		d, ok := readDay(s, c.Month)
		if !ok {
			return contact.Value{}, false
		}
		s = d
	case contact.TypeBoolean:
		v, ok := readBool(s)
		if !ok {
			return contact.Value{}, false
		}
		s = "false"
		if v {
			s = "true"
		}
	case contact.TypeMultiple: // a line may part them
	default:
		s = tidy(s)
	}
	v, err := c.Type.Read(s)
	return v, err == nil
}
