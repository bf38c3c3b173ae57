// SPDX-License-Identifier: AGPL-3.0-or-later

// Package form promises that a yes given on one of our pages can be shown again as it was
// given: the words, the boxes, the note, the language, both moments (GDPR 7(1), 13).
//
//	draft    what members edit                         (Definition)
//	lint     the rules a form must pass                (Lint; compliance R03, L16)
//	version  definition and page, one a language, for ever; only these are served (INV-05)
//	sign-up  Submit: pending, and a fact that asks for the confirmation mail
//	         Confirm: by a button, never by opening a link; NotMe ends all such mail
//
// Nothing is pre-ticked and nothing is bundled because a Definition can't say so.
// What a visitor typed is believed only once the mailbox has answered: until then it lies
// sealed in the sign-up, and neither a contact's name nor its lists change.
//
// What a crash leaves: Submit and Confirm are one transaction each; the mails follow from
// facts in it, so none is lost and none goes out for what was rolled back.
//
// It leaves to consent what a yes changes, to notice the note, to sending the mail.
package form

import (
	"slices"
	"strconv"
	"strings"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/list"
	"consend/internal/people/notice"
)

// Words is a text in several languages.
type Words = notice.Words

// OptIn is how a sign-up becomes a yes.
type OptIn string

// The ways. Double is how every form begins.
const (
	Double OptIn = "double" // after a click in the mail we send
	Single OptIn = "single" // at once; anybody can type anybody's address
)

// Definition is a form as members edit it and as a version keeps it.
type Definition struct {
	Languages []string `json:"languages"` // the first is the form's own
	Title     Words    `json:"title"`
	Intro     Words    `json:"intro,omitempty"`
	Consent   Words    `json:"consent"`          // what somebody agrees to, in whole sentences
	Withdraw  Words    `json:"withdraw"`         // how to leave again (GDPR 7(3): said before the consent)
	Button    Words    `json:"button"`           // the act itself, where a form has one list
	Sent      Words    `json:"sent,omitempty"`   // after the form: look in your inbox
	Done      Words    `json:"done,omitempty"`   // after the confirmation
	Fields    []Field  `json:"fields,omitempty"` // beside the address, which is always asked
	Lists     []Choice `json:"lists"`
	Tracking  Tracking `json:"tracking,omitzero"`
	OptIn     OptIn    `json:"opt_in"`
	Age       int      `json:"age,omitempty"` // asks "are you N or over?"; 0 doesn't ask
	Notice    int64    `json:"notice"`        // the note; publishing takes its newest version
	Colour    string   `json:"colour,omitempty"`

	Tongues  []Tongue `json:"tongues,omitempty"`  // languages beside the house's
	Already  Words    `json:"already,omitempty"`  // who confirms once more
	Subject  Words    `json:"subject,omitempty"`  // of the confirmation mail; "" is the house's
	Greeting Words    `json:"greeting,omitempty"` // its first sentence; no advertising (compliance T-14)
	Remind   int      `json:"remind,omitempty"`   // days after which one reminder goes out; 0 is none
	Redirect string   `json:"redirect,omitempty"` // https address to go on to after the confirmation, or after the form with single opt-in
	Puzzle   bool     `json:"puzzle,omitempty"`   // asks the browser for a little work (Challenge)
	Ages     []Aged   `json:"ages,omitempty"`     // asks the country first, and then its age (compliance T-23)
}

// Aged is the age at which people of a country may consent by themselves (GDPR 8(1)).
type Aged struct {
	Country string `json:"country"` // ISO 3166-1 alpha-2
	Years   int    `json:"years"`
}

// Elsewhere is the country of who lives in none of those named.
const Elsewhere = "ZZ"

// MaxRemind is the longest a reminder may wait, in days, however long the link lasts.
const MaxRemind = 14

// MostRemind is the longest a reminder may wait here, in days: the day before the link of the
// confirmation mail ends (rule doi.token).
func MostRemind(r store.Reader) (int, error) {
	lasts, err := days(r)
	return mostRemind(lasts), err
}

func mostRemind(lasts int) int { return max(0, min(MaxRemind, lasts-1)) }

// Field is one thing asked beside the address.
type Field struct {
	Name     string   `json:"name"` // "name", or an attribute's name
	Type     string   `json:"type"` // text, number, date, boolean, choice, multiple
	Label    Words    `json:"label"`
	Required bool     `json:"required,omitempty"`
	Why      Words    `json:"why"` // why it is asked: data minimisation, GDPR 5(1)(c)
	Choices  []string `json:"choices,omitempty"`
	Explicit Words    `json:"explicit,omitempty"` // what somebody expressly agrees to who answers a special field (GDPR 9(2)(a))
	Marked   bool     `json:"marked,omitempty"`   // the attribute is declared, or looks, special (GDPR 9)
	Grant    int64    `json:"grant,omitempty"`    // the list of those who expressly agreed; 0 in versions of before there were any

	Called map[string]Words `json:"called,omitempty"` // how a choice is said, by the choice: what is kept stays the choice
}

// MaxCalled bounds how a choice is said in one language, in characters.
const MaxCalled = 200

// Call says a choice in a language of the form; one without words there is said as it is kept.
func (f Field) Call(choice, lang string) string {
	if w := f.Called[choice]; some(w, lang) {
		return w[lang]
	}
	return choice
}

// NameField asks how the person is called.
const NameField = "name"

// Choice is one list a form can put somebody on. Several lists, or one that only measures,
// stand each at a box of its own; a single list needs none: pressing the button is the act.
type Choice struct {
	List    int64  `json:"list"`
	Purpose int64  `json:"purpose"`
	Grant   bool   `json:"grant,omitempty"` // measures opens or clicks, carries no mail
	Label   Words  `json:"label"`
	Hint    Words  `json:"hint,omitempty"`
	Closed  bool   `json:"closed,omitempty"` // the list was retired
	Name    string `json:"name,omitempty"`   // the account's own name for it
}

// Tracking is what a form asks about measuring: each question has its own words and its own
// box, unticked (CNIL 2026-042). Empty words ask nothing. What is asked becomes a Choice of the
// account's list that measures it, so that yes, proof and receipt are those of every list.
type Tracking struct {
	Opens  Words `json:"opens,omitempty"`
	Clicks Words `json:"clicks,omitempty"`
}

func (t Tracking) in(what string) Words {
	if what == list.Opens {
		return t.Opens
	}
	return t.Clicks
}

// asks tells whether a question is asked at all.
func (t Tracking) asks() bool { return len(t.Opens)+len(t.Clicks) > 0 }

// boxes lays the questions into the lists of a definition, the last ones.
func (t Tracking) boxes(lists []Choice, measuring map[string]list.List) []Choice {
	if !t.asks() {
		return lists
	}
	out := slices.DeleteFunc(slices.Clone(lists), func(c Choice) bool {
		return c.List == measuring[list.Opens].ID || c.List == measuring[list.Clicks].ID
	})
	for _, what := range list.Measured() {
		if l := measuring[what]; l.ID != 0 && len(t.in(what)) > 0 {
			c := choiceOf(l)
			c.Label = t.in(what)
			out = append(out, c)
		}
	}
	return out
}

// Mails lists the choices that carry mail.
func (d Definition) Mails() []Choice {
	var out []Choice
	for _, c := range d.Lists {
		if !c.Grant {
			out = append(out, c)
		}
	}
	return out
}

// Group is choices that stand together under one legend: what somebody would like to receive, and apart from it what
// may be measured (compliance L5: a question of its own).
type Group struct {
	ID, Legend string // of the fieldset, and the key of its words
	First      bool   // what is wrong with the choices stands here
	Choices    []Choice
}

// Groups are the boxes of the form.
func (d Definition) Groups() (out []Group) {
	var mails, grants []Choice
	for _, c := range d.Boxes() {
		if c.Grant {
			grants = append(grants, c)
		} else {
			mails = append(mails, c)
		}
	}
	if len(mails) > 0 {
		out = append(out, Group{ID: "list", Legend: "form.choose", Choices: mails})
	}
	if len(grants) > 0 {
		g := Group{ID: "also", Legend: "form.also", Choices: grants}
		if len(d.Mails()) == 0 {
			g.ID, g.Legend = "list", "form.choose"
		}
		out = append(out, g)
	}
	if len(out) > 0 {
		out[0].First = true
	}
	return out
}

// Boxes lists the choices that stand at a box. With one mailing list its words stand above
// the button, and the button is the act (compliance L16).
func (d Definition) Boxes() []Choice {
	if len(d.Mails()) == 1 {
		return slices.DeleteFunc(slices.Clone(d.Lists), func(c Choice) bool { return !c.Grant })
	}
	return d.Lists
}

// ButtonActs tells whether pressing the button alone is the yes.
func (d Definition) ButtonActs() bool { return len(d.Mails()) == 1 }

// Language gives the language if the form speaks it, else the form's own.
func (d Definition) Language(lang string) string {
	if slices.Contains(d.Languages, lang) || len(d.Languages) == 0 {
		return lang
	}
	return d.Languages[0]
}

func (d Definition) choice(list int64) (Choice, bool) {
	for _, c := range d.Lists {
		if c.List == list {
			return c, true
		}
	}
	return Choice{}, false
}

// Form is a form with its draft.
type Form struct {
	ID          int64
	Name        string
	Slug        string
	Draft       Definition
	Version     int64 // of the draft
	CurrentID   int64 // the version served; 0 was never published
	Number      int64 // of that version
	ClosedAt    legalclock.Moment
	CreatedAt   legalclock.Moment
	UpdatedAt   legalclock.Moment
	RetiredAt   legalclock.Moment
	PublishedAt legalclock.Moment // of the version served
	NoteVersion int64             // the version of the note it shows
}

// State is where a form stands.
type State string

// The states of a form.
const (
	Draft     State = "draft"
	Published State = "published"
	Closed    State = "closed"
	Retired   State = "retired"
)

// State tells where the form stands.
func (f Form) State() State {
	switch {
	case f.RetiredAt != 0:
		return Retired
	case f.CurrentID == 0:
		return Draft
	case f.ClosedAt != 0:
		return Closed
	}
	return Published
}

// Path is the form's public address on our own site.
func (f Form) Path() string { return "/f/" + f.Slug }

// Version is a published form: never changed.
type Version struct {
	ID          int64
	FormID      int64
	Number      int64
	Definition  Definition
	Sha256      []byte
	NoteVersion int64
	Rules       []Finding
	PublishedAt legalclock.Moment
	EntryID     int64
}

// Page is a version as people see it, in one language.
type Page struct {
	Language string
	HTML     string
	Sha256   []byte
}

// some tells whether a text says anything in a language.
func some(w Words, lang string) bool { return strings.TrimSpace(w[lang]) != "" }

func dec(n int64) string { return strconv.FormatInt(n, 10) }
