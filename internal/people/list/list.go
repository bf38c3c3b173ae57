// SPDX-License-Identifier: AGPL-3.0-or-later

// Package list promises that every list belongs to one purpose, for ever: what a person
// said yes to never becomes something else under the same name (GDPR 5(1)(b), 6(4), 7(2)).
//
// A purpose says what one writes for, a list is what people join. Both have a name for
// the account and public words, per language, for the people. A list of kind Grant
// carries no mail: it is a yes of its own, such as to measuring.
//
// It leaves to consent who is on a list.
package list

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/mark"
	"consend/internal/ground/store"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Kind is what a list is for.
type Kind string

// The kinds.
const (
	Mail  Kind = "mail"
	Grant Kind = "grant" // a yes without mail: measuring opens, measuring clicks, what is sensitive
)

// Limits of names and of public words, in characters, and of their languages.
const (
	MaxName      = 100
	MaxPublic    = 500
	MaxLanguages = 8
)

// Words are public words by language: "what you will get". Beside the house's languages stand those
// that the account's forms speak, by their code (BCP 47, canonical).
type Words map[string]string

// In gives the words in the first of the languages that has some, else in one of the house's; "" when
// there are none.
func (w Words) In(langs ...string) string {
	s, _ := w.Said(langs...)
	return s
}

// Said is In with the language the words are in, for a screen reader (WCAG 3.1.2).
func (w Words) Said(langs ...string) (words, lang string) {
	for _, l := range append(slices.Clone(langs), locale.Languages()...) {
		if s := w[l]; s != "" {
			return s, l
		}
	}
	return "", ""
}

// Scan reads what is stored.
func (w *Words) Scan(v any) error {
	switch x := v.(type) {
	case string:
		return json.Unmarshal([]byte(x), w)
	case []byte:
		return json.Unmarshal(x, w)
	}
	return fmt.Errorf("list: words cannot be read from a %T", v)
}

func (w Words) text() string {
	if len(w) == 0 {
		return "{}"
	}
	b, _ := json.Marshal(map[string]string(w)) // strings always encode
	return string(b)
}

// Purpose is what an account writes for.
type Purpose struct {
	ID        int64
	Name      string
	Public    Words
	Family    string // product family: a sale reaches similar products only (ePrivacy 13(2))
	Service   bool   // what is written is needed for what people have with the account, never advertising (GDPR 6(1)(b))
	CreatedAt legalclock.Moment
	RetiredAt legalclock.Moment
	EntryID   int64
}

// List is what people join.
type List struct {
	ID        int64
	PurposeID int64
	Kind      Kind
	Name      string
	Public    Words
	Position  int
	CreatedAt legalclock.Moment
	RetiredAt legalclock.Moment
	EntryID   int64

	Folder   string // how members sort lists; people never see it
	Offered  bool   // shown on the page of choices to people who aren't on it
	Measures string // Opens or Clicks, for the account's two lists that measure

	AttributeID int64 // of a list of those who expressly agreed to what an attribute holds; see EnsureSpecial

	PurposeName   string
	PurposeFamily string
	Service       bool // the purpose's
}

// Products name what its purpose sells, against which a sale is held (ePrivacy 13(2)): the family of
// products, or else the purpose itself.
func (l List) Products() string {
	if l.PurposeFamily != "" {
		return l.PurposeFamily
	}
	return l.PurposeName
}

// Title is the list's public words in the first of the languages that has some, or else its name.
func (l List) Title(langs ...string) string {
	s, _ := l.Titled(langs...)
	return s
}

// Titled is Title with the language it is in; "" of a name, whose language nobody said.
func (l List) Titled(langs ...string) (title, lang string) {
	if s, lang := l.Public.Said(langs...); s != "" {
		return s, lang
	}
	return l.Name, ""
}

// NewPurpose is a purpose to make.
type NewPurpose struct {
	Name    string
	Public  Words
	Family  string
	Service bool
}

// New is a list to make. Kind "" is Mail.
type New struct {
	Name    string
	Purpose int64
	Kind    Kind
	Public  Words
	Folder  string
	Offered bool

	measures  string
	attribute int64
}

// MakePurpose makes a purpose. Faults: list.name.missing, list.name.long, list.public.long, .language, .languages,
// list.purpose.taken.
func MakePurpose(tx *store.Tx, n NewPurpose) (int64, error) {
	name, err := checked(n.Name, n.Public)
	if err != nil {
		return 0, err
	}
	if _, ok, err := findPurposeNamed(tx, name); err != nil {
		return 0, err
	} else if ok {
		return 0, fault.New(fault.Conflict, "list.purpose.taken").At("name")
	}
	id := tx.ID()
	entry, err := told(tx, "purpose.make", "purpose", id, proof.Fields{"name": name, "service": fmt.Sprint(n.Service)})
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(addPurpose, id, name, Fold(name), n.Public.text(), strings.TrimSpace(n.Family), flag(n.Service), entry)
	return id, taken(err, "list.purpose.taken")
}

// Make makes a list of a purpose. Faults: list.name.missing, list.name.long,
// list.public.long, list.taken, list.purpose.none, list.grant.one.
func Make(tx *store.Tx, n New) (int64, error) {
	name, err := checked(n.Name, n.Public)
	if err != nil {
		return 0, err
	}
	if n.Kind == "" {
		n.Kind = Mail
	}
	if p, err := GetPurpose(tx, n.Purpose); err != nil {
		return 0, err
	} else if p.RetiredAt != 0 {
		return 0, fault.New(fault.NotFound, "list.purpose.none").At("purpose")
	}
	// What somebody says yes to without mail stands alone in its purpose.
	alone := grantsOf
	if n.Kind == Grant {
		alone = listsOf
	}
	if k, err := store.One[int64](tx, alone, n.Purpose); err != nil {
		return 0, err
	} else if k > 0 {
		return 0, fault.New(fault.Conflict, "list.grant.one")
	}
	if n.Folder, err = folder(n.Folder); err != nil {
		return 0, err
	}
	if _, ok, err := findNamed(tx, name); err != nil {
		return 0, err
	} else if ok {
		return 0, fault.New(fault.Conflict, "list.taken").At("name")
	}
	id := tx.ID()
	entry, err := told(tx, "list.make", "list", id, proof.Fields{"name": name, "purpose": fmt.Sprint(n.Purpose), "kind": string(n.Kind)})
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(add, id, n.Purpose, n.Kind, name, Fold(name), n.Public.text(), n.Folder, flag(n.Offered && n.Kind == Mail), n.measures, n.attribute, entry)
	return id, taken(err, "list.taken")
}

// EnsureNamed finds a list by its name, or makes it, and its purpose too when that is
// missing. A list of another purpose is a conflict: its purpose never changes.
// Faults: those of Make and MakePurpose, list.other_purpose.
func EnsureNamed(tx *store.Tx, purposeName, listName string) (int64, error) {
	l, ok, err := findNamed(tx, listName)
	if err != nil {
		return 0, err
	}
	if ok {
		if purposeName != "" && Fold(l.PurposeName) != Fold(purposeName) {
			return 0, fault.New(fault.Conflict, "list.other_purpose", "list", l.Name, "purpose", l.PurposeName)
		}
		return l.ID, nil
	}
	p, ok, err := findPurposeNamed(tx, purposeName)
	if err != nil {
		return 0, err
	}
	if !ok {
		if p.ID, err = MakePurpose(tx, NewPurpose{Name: purposeName}); err != nil {
			return 0, err
		}
	}
	return Make(tx, New{Name: listName, Purpose: p.ID})
}

// Mark names what a list's page shows of its words.
func (l List) Mark() string {
	return mark.Of(l.Name, l.Public.text(), l.Folder, fmt.Sprint(l.Offered))
}

// Mark names what a purpose's page shows of its words.
func (p Purpose) Mark() string { return mark.Of(p.Name, p.Public.text(), fmt.Sprint(p.Service)) }

// EditPurpose changes a purpose's name and public words, and whether it is a service's. What people
// said yes to is what they were shown: proofs keep those words.
// Faults: list.purpose.none, list.name.missing, list.name.long, list.public.long, list.purpose.taken,
// list.purpose.changed when it is not what was seen (mark).
func EditPurpose(tx *store.Tx, id int64, seen, name string, public Words, service bool) error {
	if _, err := store.All[int64](tx, lockPurpose, id); err != nil {
		return err
	}
	p, err := GetPurpose(tx, id)
	if err != nil {
		return err
	}
	if mark.Stale(seen, p.Mark()) {
		return fault.New(fault.Conflict, "list.purpose.changed")
	}
	if name, err = checked(name, public); err != nil {
		return err
	}
	if o, ok, err := findPurposeNamed(tx, name); err != nil {
		return err
	} else if ok && o.ID != id {
		return fault.New(fault.Conflict, "list.purpose.taken").At("name")
	}
	f := renamed(p.Name, name, public)
	if service != p.Service {
		f["service"] = fmt.Sprint(service)
	}
	if _, err := told(tx, "purpose.rename", "purpose", id, f); err != nil {
		return err
	}
	_, err = tx.Exec(renamePurpose, name, Fold(name), public.text(), flag(service), id)
	return taken(err, "list.purpose.taken")
}

func renamed(from, to string, public Words) proof.Fields {
	f := proof.Fields{"from": from, "to": to}
	for lang, s := range public {
		if lang != "" && s != "" {
			f["public."+strings.ReplaceAll(strings.ToLower(lang), "-", "_")] = s // pt-BR would name no field of the trace
		}
	}
	return f
}

// Retire takes a list out of use; its ledger stays. Again is harmless. Faults: list.none,
// list.measuring.kept (what people said about being measured, or about what is sensitive, is always to be found).
func Retire(tx *store.Tx, id int64) error {
	l, err := Get(tx, id)
	if err != nil || l.RetiredAt != 0 {
		return err
	}
	if l.Measures != "" || l.AttributeID != 0 {
		return fault.New(fault.Conflict, "list.measuring.kept")
	}
	tx.Do(retire, tx.Now, id)
	_, err = told(tx, "list.retire", "list", id, nil)
	return err
}

// Restore brings a retired list back under its name.
// Faults: list.none, list.taken (another list took the name), list.purpose.none.
func Restore(tx *store.Tx, id int64) error {
	l, err := Get(tx, id)
	if err != nil || l.RetiredAt == 0 {
		return err
	}
	p, err := GetPurpose(tx, l.PurposeID)
	if err != nil {
		return err
	}
	if p.RetiredAt != 0 {
		if err := RestorePurpose(tx, p.ID); err != nil {
			return err
		}
	}
	if _, ok, err := findNamed(tx, l.Name); err != nil {
		return err
	} else if ok {
		return fault.New(fault.Conflict, "list.taken").At("name")
	}
	if _, err := told(tx, "list.restore", "list", id, nil); err != nil {
		return err
	}
	_, err = tx.Exec(retire, legalclock.Moment(0), id)
	return taken(err, "list.taken")
}

// RetirePurpose takes a purpose out of use, once it has no list in use.
// Faults: list.purpose.none, list.purpose.used.
func RetirePurpose(tx *store.Tx, id int64) error {
	p, err := GetPurpose(tx, id)
	if err != nil || p.RetiredAt != 0 {
		return err
	}
	if n, err := store.One[int64](tx, listsOf, id); err != nil {
		return err
	} else if n > 0 {
		return fault.New(fault.Conflict, "list.purpose.used")
	}
	tx.Do(retirePurpose, tx.Now, id)
	_, err = told(tx, "purpose.retire", "purpose", id, nil)
	return err
}

// RestorePurpose brings a retired purpose back. Faults: list.purpose.none, list.purpose.taken.
func RestorePurpose(tx *store.Tx, id int64) error {
	p, err := GetPurpose(tx, id)
	if err != nil || p.RetiredAt == 0 {
		return err
	}
	if _, ok, err := findPurposeNamed(tx, p.Name); err != nil {
		return err
	} else if ok {
		return fault.New(fault.Conflict, "list.purpose.taken").At("name")
	}
	if _, err := told(tx, "purpose.restore", "purpose", id, nil); err != nil {
		return err
	}
	_, err = tx.Exec(retirePurpose, legalclock.Moment(0), id)
	return taken(err, "list.purpose.taken")
}

// Get finds a list, retired or not. Faults: list.none.
func Get(r store.Reader, id int64) (List, error) {
	l, err := store.One[List](r, get, id)
	if errors.Is(err, store.ErrNone) {
		return List{}, fault.New(fault.NotFound, "list.none")
	}
	return l, err
}

// GetPurpose finds a purpose, retired or not. Faults: list.purpose.none.
func GetPurpose(r store.Reader, id int64) (Purpose, error) {
	p, err := store.One[Purpose](r, getPurpose, id)
	if errors.Is(err, store.ErrNone) {
		return Purpose{}, fault.New(fault.NotFound, "list.purpose.none").At("purpose")
	}
	return p, err
}

// All lists the account's lists, retired ones last.
func All(r store.Reader) ([]List, error) { return store.All[List](r, all) }

// InUse lists the lists that aren't retired.
func InUse(r store.Reader) ([]List, error) { return store.All[List](r, inUse) }

// Purposes lists the account's purposes, retired ones last.
func Purposes(r store.Reader) ([]Purpose, error) { return store.All[Purpose](r, purposes) }

// Some finds lists by number, at most 1,000, without waiting: see store.Ask.
func Some(r store.Reader, ids []int64) *store.Answer[List] { return store.Ask[List](r, some, ids) }

// Named finds a list in use by its name.
func Named(r store.Reader, name string) (List, bool, error) { return findNamed(r, name) }

func findNamed(r store.Reader, name string) (List, bool, error) {
	l, err := store.One[List](r, named, Fold(name))
	if errors.Is(err, store.ErrNone) {
		return List{}, false, nil
	}
	return l, err == nil, err
}

func findPurposeNamed(r store.Reader, name string) (Purpose, bool, error) {
	p, err := store.One[Purpose](r, purposeNamed, Fold(name))
	if errors.Is(err, store.ErrNone) {
		return Purpose{}, false, nil
	}
	return p, err == nil, err
}

// Fold folds a name, to find it however it is typed: NFC, lower case, single spaces.
func Fold(name string) string {
	return norm.NFC.String(strings.ToLower(strings.Join(strings.Fields(name), " ")))
}

func checked(name string, public Words) (string, error) {
	name = norm.NFC.String(strings.Join(strings.Fields(name), " "))
	switch {
	case name == "" || !utf8.ValidString(name) || strings.IndexByte(name, 0) >= 0:
		return "", fault.New(fault.Invalid, "list.name.missing").At("name")
	case utf8.RuneCountInString(name) > MaxName:
		return "", fault.New(fault.Invalid, "list.name.long", "limit", MaxName).At("name")
	}
	if len(public) > MaxLanguages {
		return "", fault.New(fault.Invalid, "list.public.languages", "limit", MaxLanguages)
	}
	for lang, s := range public {
		if !speakable(lang) {
			return "", fault.New(fault.Invalid, "list.public.language").At("public_" + lang)
		}
		if utf8.RuneCountInString(s) > MaxPublic || !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
			return "", fault.New(fault.Invalid, "list.public.long", "limit", MaxPublic).At("public_" + lang)
		}
	}
	return name, nil
}

// speakable tells whether a code names a language, as BCP 47 writes it.
func speakable(code string) bool {
	tag, err := language.Parse(code)
	return err == nil && tag != language.Und && len(code) <= 20 && tag.String() == code
}

func taken(err error, key string) error {
	if errors.Is(err, store.ErrUnique) {
		return fault.New(fault.Conflict, key).At("name")
	}
	return err
}

func told(tx *store.Tx, action, object string, id int64, clear proof.Fields) (int64, error) {
	return trace.Append(tx, trace.Act{Action: action, Object: object, ObjectID: id, Clear: clear})
}
