// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Type is the type of an attribute.
type Type string

// The types.
const (
	TypeText    Type = "text"
	TypeNumber  Type = "number"
	TypeDate    Type = "date" // a day of the calendar, 2006-01-02
	TypeBoolean Type = "boolean"
	TypeChoice  Type = "choice"

	TypeMultiple Type = "multiple" // several of the choices
)

// Types lists them in the order pages show them.
func Types() []Type {
	return []Type{TypeText, TypeNumber, TypeDate, TypeBoolean, TypeChoice, TypeMultiple}
}

// Limits of attributes.
const (
	MaxAttributes = 200  // of an account
	MaxValue      = 4096 // octets of one value
	MaxName       = 50
)

// Value is one attribute's value. It does not print itself; Raw discloses it.
type Value struct {
	raw  string
	kind byte // 0 text, 'n' number, 'b' boolean, 'm' several: raw is their JSON
}

// Raw discloses the value: text, a decimal number, 2006-01-02, "true" or "false"; several
// choices stand with "; " between them, as Read takes them.
func (v Value) Raw() string {
	if v.kind == 'm' {
		return strings.Join(v.Several(), "; ")
	}
	return v.raw
}

// Several discloses the choices of an attribute of which several may stand.
func (v Value) Several() (out []string) {
	if v.kind == 'm' {
		_ = json.Unmarshal([]byte(v.raw), &out) // several wrote it, or Scan read it as JSON
	}
	return out
}

// several is a value of several choices: JSON without the escapes that PostgreSQL would undo,
// so that one text finds a choice in it on both databases.
func several(choices []string) Value {
	if len(choices) == 0 {
		return Value{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(choices) // strings always encode
	return Value{strings.TrimSpace(b.String()), 'm'}
}

// IsZero tells whether there is no value.
func (v Value) IsZero() bool { return v.raw == "" }

func (v Value) mask() string {
	if v.raw == "" {
		return ""
	}
	return "•••"
}

// String gives the mask.
func (v Value) String() string { return v.mask() }

// GoString gives the mask for %#v.
func (v Value) GoString() string { return v.mask() }

// Format gives the mask for every verb.
func (v Value) Format(f fmt.State, _ rune) { fmt.Fprint(f, v.mask()) }

// MarshalJSON gives the mask: an export calls Raw on purpose.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.mask()) }

// LogValue gives the mask.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.mask()) }

// Read reads a value of the type from a person's or a file's text. Numbers may have a
// comma or a point, dates be 2006-01-02 or 31/12/2006, booleans say yes or oui. "" is no value.
// Faults: contact.attribute.value.… (by type), contact.attribute.long.
func (t Type) Read(s string) (Value, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Value{}, nil
	}
	switch t {
	case TypeNumber:
		n := strings.ReplaceAll(blanks.Replace(s), ",", ".")
		f, err := strconv.ParseFloat(n, 64)
		if err != nil || f != f || f-f != 0 || strings.ContainsAny(n, "xXpP_iIn") {
			return Value{}, t.unfit()
		}
		return Value{strconv.FormatFloat(f, 'f', -1, 64), 'n'}, nil
	case TypeDate:
		for _, layout := range []string{time.DateOnly, "02/01/2006", "2/1/2006", "02.01.2006", "02-01-2006", time.RFC3339, time.DateTime} {
			if d, err := time.Parse(layout, s); err == nil && Plausible(d) {
				return Value{d.Format(time.DateOnly), 0}, nil
			}
		}
		return Value{}, t.unfit()
	case TypeBoolean:
		switch strings.ToLower(s) {
		case "true", "yes", "oui", "vrai", "1", "x", "on":
			return Value{"true", 'b'}, nil
		case "false", "no", "non", "faux", "0", "off":
			return Value{"false", 'b'}, nil
		}
		return Value{}, t.unfit()
	}
	if len(s) > MaxValue {
		return Value{}, fault.New(fault.Invalid, "contact.attribute.long", "limit", MaxValue)
	}
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return Value{}, t.unfit()
	}
	return Value{raw: s}, nil
}

func (t Type) unfit() error {
	switch t {
	case TypeNumber, TypeDate, TypeBoolean:
		return fault.New(fault.Invalid, "contact.attribute.value."+string(t))
	}
	return fault.New(fault.Invalid, "contact.attribute.value.text")
}

// Plausible tells whether a day can be somebody's, and isn't a slip of the pen.
func Plausible(t time.Time) bool { y := t.Year(); return y >= 1900 && y < 2100 }

// blanks are what parts thousands.
var blanks = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "")

// Attributes are a person's values by the attribute's name.
type Attributes map[string]Value

// text is the JSON that is stored: names sorted, numbers and booleans as such.
func (a Attributes) text() string {
	if len(a) == 0 {
		return "{}"
	}
	names := make([]string, 0, len(a))
	size := 2
	for n, v := range a {
		if !v.IsZero() {
			names = append(names, n)
			size += len(n) + len(v.raw) + 6
		}
	}
	slices.Sort(names)
	b := append(make([]byte, 0, size), '{')
	for i, n := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(quote(b, n), ':')
		if v := a[n]; v.kind != 0 {
			b = append(b, v.raw...)
		} else {
			b = quote(b, v.raw)
		}
	}
	return string(append(b, '}'))
}

// quote writes a JSON string.
func quote(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			j, _ := json.Marshal(s) // a string always encodes
			return append(b, j...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// Scan reads what is stored.
func (a *Attributes) Scan(v any) error {
	var b []byte
	switch x := v.(type) {
	case nil:
	case string:
		b = []byte(x)
	case []byte:
		b = x
	default:
		return fmt.Errorf("contact: attributes cannot be read from a %T", v)
	}
	*a = nil
	if len(b) == 0 || string(b) == "{}" {
		return nil
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return fmt.Errorf("contact: stored attributes are no object")
	}
	out := make(Attributes, len(raw))
	for n, j := range raw {
		switch {
		case j[0] == '"':
			var s string
			if err := json.Unmarshal(j, &s); err != nil {
				return err
			}
			out[n] = Value{raw: s}
		case string(j) == "true" || string(j) == "false":
			out[n] = Value{string(j), 'b'}
		case j[0] == '[':
			var list []string
			if err := json.Unmarshal(j, &list); err != nil {
				return err
			}
			out[n] = several(list)
		default:
			out[n] = Value{string(j), 'n'}
		}
	}
	*a = out
	return nil
}

// Attribute is a kind of information an account keeps about people.
type Attribute struct {
	ID        int64
	Name      string
	Type      Type
	Choices   Choices
	Purpose   string
	Sensitive Sensitivity
	RetiredAt int64
	Label     string            // how people see it; "" is its name
	KeepDays  int64             // 0: as long as the contact
	KeepSince legalclock.Moment // when that limit was set or shortened
	Special   Special
	Version   int64 // counts changes, for ChangeAttribute
}

// Sensitivity is whether an attribute holds data of GDPR 9 or 10, and who says so.
type Sensitivity int

// The sensitivities.
const (
	NotAsked      Sensitivity = 0
	LooksSo       Sensitivity = 1 // its name does: the account is asked
	Declared      Sensitivity = 2
	DeclaredPlain Sensitivity = 3
)

// Special is on what part of GDPR 9(2) an account rests for what it declared sensitive.
type Special string

// The parts of GDPR 9(2) there are. Without one a sensitive attribute describes no segment.
const (
	NoSpecial       Special = ""
	ExplicitConsent Special = "consent" // (a)
	OfMembers       Special = "member"  // (d): an association about its members
	MadePublic      Special = "public"  // (e): by the person
)

// Specials lists them in the order pages show them.
func Specials() []Special { return []Special{ExplicitConsent, OfMembers, MadePublic} }

// Marked tells whether it holds data of GDPR 9 or 10, or looks so and nobody has said yet.
func (a Attribute) Marked() bool { return a.Sensitive == LooksSo || a.Sensitive == Declared }

// Usable tells whether people may be described by it.
func (a Attribute) Usable() bool {
	return a.Sensitive != LooksSo && (a.Sensitive != Declared || a.Special != NoSpecial)
}

// Choices are the values of a choice.
type Choices []string

// Scan reads what is stored.
func (c *Choices) Scan(v any) error {
	switch x := v.(type) {
	case string:
		return json.Unmarshal([]byte(x), c)
	case []byte:
		return json.Unmarshal(x, c)
	}
	return nil
}

func (c Choices) text() string {
	if len(c) == 0 {
		return "[]"
	}
	b, _ := json.Marshal([]string(c)) // strings always encode
	return string(b)
}

// Read reads a value of the attribute; a choice must be one of its choices, in any case. Several stand
// with ; or | or a comma or a line between them, unless a choice has it in its name, or as a list of JSON.
// Faults: those of Type.Read, contact.attribute.unknown.
func (a Attribute) Read(s string) (Value, error) {
	v, err := a.Type.Read(s)
	if err != nil || v.IsZero() || a.Type != TypeChoice && a.Type != TypeMultiple {
		return v, err
	}
	if a.Type == TypeChoice {
		if c, ok := a.choice(v.raw); ok {
			return Value{raw: c}, nil
		}
		return Value{}, a.unknown(v.raw)
	}
	ways := Split(v.raw)
	for _, said := range ways {
		if v, err = a.Pick(said); err == nil {
			return v, nil
		}
	}
	return v, err // of the finest way: it names one choice
}

// Split gives the ways in which a text can hold several choices, the likeliest first: whole, as a list of
// JSON or quoted, or with a sign between them. Each way has at least one choice.
func Split(s string) (ways [][]string) {
	if s = strings.TrimSpace(s); s == "" {
		return nil
	}
	if s[0] == '[' {
		var list []any
		if json.Unmarshal([]byte(s), &list) == nil {
			var said []string
			for _, x := range list {
				switch x := x.(type) {
				case string:
					said = append(said, x)
				case float64:
					said = append(said, strconv.FormatFloat(x, 'f', -1, 64))
				case bool:
					said = append(said, strconv.FormatBool(x))
				}
			}
			if len(said) == len(list) {
				return [][]string{said}
			}
		}
	}
	if said, ok := Quoted(s); ok {
		return [][]string{said}
	}
	ways = [][]string{{s}}
	for _, between := range []string{";", "|", ",", "\n"} {
		if strings.Contains(s, between) {
			ways = append(ways, divided(s, between))
		}
	}
	return ways
}

// Quoted reads choices as Mailchimp writes the tags of a person: "VIP","Press, radio" (a record of CSV).
func Quoted(s string) (said []string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return nil, false
	}
	r := csv.NewReader(strings.NewReader(s))
	said, err := r.Read()
	if err != nil {
		return nil, false
	}
	_, err = r.Read()
	return said, err == io.EOF
}

// divided is strings.Split, but for a sign behind a backslash: so Mailchimp writes a comma of a name.
func divided(s, between string) []string {
	out := strings.Split(s, between)
	for i := 0; i+1 < len(out); {
		if !strings.HasSuffix(out[i], "\\") {
			i++
			continue
		}
		out[i] = out[i][:len(out[i])-1] + between + out[i+1]
		out = slices.Delete(out, i+1, i+2)
	}
	return out
}

func (a Attribute) choice(s string) (string, bool) {
	i := slices.IndexFunc(a.Choices, func(c string) bool { return strings.EqualFold(c, s) })
	if i < 0 {
		return "", false
	}
	return a.Choices[i], true
}

// Pick is the value of several choices, in the order of the attribute's: one way to write a value.
// Faults: contact.attribute.unknown.
func (a Attribute) Pick(said []string) (Value, error) {
	has := map[string]bool{}
	for _, p := range said {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		c, ok := a.choice(p)
		if !ok {
			return Value{}, a.unknown(p)
		}
		has[c] = true
	}
	var out []string
	for _, c := range a.Choices {
		if has[c] {
			out = append(out, c)
		}
	}
	return several(out), nil
}

// unknown is that s is none of the choices. The words name it: only who typed it, or brought the file, reads them.
func (a Attribute) unknown(s string) error {
	if utf8.RuneCountInString(s) > MaxChoice {
		s = string([]rune(s)[:MaxChoice]) + "…"
	}
	return fault.New(fault.Invalid, "contact.attribute.unknown", "value", s)
}

// ReadOver reads what a form says of a value that a person has: one text, or several choices. What stays
// is kept as it is, also a choice that is no longer offered.
func (a Attribute) ReadOver(has Value, said []string) (Value, error) {
	kept, said := has.Several(), slices.DeleteFunc(slices.Clone(said), func(s string) bool { return strings.TrimSpace(s) == "" })
	if a.Type != TypeMultiple {
		s := strings.Join(said, "")
		if strings.TrimSpace(s) == has.Raw() {
			return has, nil
		}
		return a.Read(s)
	}
	with := a
	for _, s := range said {
		if slices.Contains(kept, s) && !slices.Contains(a.Choices, s) {
			with.Choices = append(slices.Clone(with.Choices), s)
		}
	}
	return with.Pick(said)
}

// AttributeName folds a heading into an attribute's name: accents off, upper case,
// everything else an underscore. "Prénom (client)" is PRENOM_CLIENT. "" when nothing is left.
func AttributeName(heading string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFD.String(heading) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			if gap && b.Len() > 0 {
				b.WriteByte('_')
			}
			gap = false
			if b.Len() == 0 && unicode.IsDigit(r) {
				b.WriteString("A_")
			}
			b.WriteRune(unicode.ToUpper(r))
		default:
			gap = true
		}
		if b.Len() >= MaxName {
			break
		}
	}
	return b.String()
}

// AllAttributes lists the account's attributes by name.
func AllAttributes(r store.Reader) ([]Attribute, error) { return store.All[Attribute](r, attributes) }

// inherit gives an attribute that is about to be made what was declared of the one of its name that was retired last: people
// have its values still, and they are no less sensitive for having rested. What is said of the new one goes before.
func (a *Attribute) inherit(tx *store.Tx) error {
	all, err := EveryAttribute(tx)
	var was Attribute
	for _, o := range all {
		if o.Name == a.Name && o.RetiredAt > was.RetiredAt {
			was = o
		}
	}
	if err != nil || was.ID == 0 {
		return err
	}
	if a.Label == "" && a.Purpose == "" && a.KeepDays == 0 { // nobody said anything of it
		a.Label, a.Purpose, a.KeepDays = was.Label, was.Purpose, was.KeepDays
	}
	if a.Sensitive == NotAsked {
		a.Sensitive, a.Special = was.Sensitive, was.Special
	}
	return nil
}

// EnsureAttributes finds attributes by name or makes them, in the order given. The type
// of one that exists stays; new choices of a choice are added. One that is made again takes over what was declared of the
// one that was retired.
// Faults: contact.attribute.name, contact.attribute.many.
func EnsureAttributes(tx *store.Tx, want []Attribute) ([]Attribute, error) {
	q := attributes
	if slices.ContainsFunc(want, func(a Attribute) bool { return len(a.Choices) > 0 }) {
		q = lockAttributes // two who add choices at once lose none
	}
	have, err := store.All[Attribute](tx, q)
	if err != nil {
		return nil, err
	}
	at := map[string]Attribute{}
	for _, a := range have {
		at[a.Name] = a
	}
	out := make([]Attribute, len(want))
	for i, w := range want {
		w.Name = AttributeName(w.Name)
		if w.Name == "" || !slices.Contains(Types(), w.Type) {
			return nil, fault.New(fault.Invalid, "contact.attribute.name")
		}
		if w.Choices, err = checkedChoices(w.Choices); err != nil {
			return nil, err
		}
		a, ok := at[w.Name]
		switch {
		case !ok && len(at) >= MaxAttributes:
			return nil, fault.New(fault.Invalid, "contact.attribute.many", "limit", MaxAttributes)
		case !ok:
			if err := w.inherit(tx); err != nil {
				return nil, err
			}
			w.ID, w.KeepSince = tx.ID(), w.since(Attribute{}, tx.Now)
			if _, looks := LooksLike(w.Name, w.Label); w.Sensitive == NotAsked && looks {
				w.Sensitive = LooksSo
			}
			entry, err := trace.Append(tx, trace.Act{Action: "contact.attribute", Object: "attribute", ObjectID: w.ID,
				Clear: proof.Fields{"name": w.Name, "type": string(w.Type)}})
			if err != nil {
				return nil, err
			}
			n, err := tx.Exec(addAttribute, append([]any{w.ID, w.Name}, append(w.stored(), entry)...)...)
			if err == nil && n == 0 {
				err = fmt.Errorf("contact: an attribute was made meanwhile: %w", store.ErrConflict)
			}
			if err != nil {
				return nil, err
			}
			a = w
		case a.Type == TypeChoice || a.Type == TypeMultiple:
			more := a.Choices
			for _, c := range w.Choices {
				if !slices.ContainsFunc(more, func(s string) bool { return strings.EqualFold(s, c) }) {
					more = append(more, c)
				}
			}
			if len(more) > len(a.Choices) {
				a.Choices = more
				_, err := trace.Append(tx, trace.Act{Action: "contact.attribute", Object: "attribute", ObjectID: a.ID,
					Clear: proof.Fields{"name": a.Name, "type": string(a.Type)}})
				if err != nil {
					return nil, err
				}
				tx.Do(setChoices, more.text(), a.ID)
			}
		}
		at[a.Name] = a
		out[i] = a
	}
	return out, nil
}
