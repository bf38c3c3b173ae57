// SPDX-License-Identifier: AGPL-3.0-or-later

package shell

import (
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"consend/internal/ground/legalclock"
)

// Component is a piece of a page.
type Component = templ.Component

// Tone is the colour of a state. It never stands alone: words say the same.
type Tone string

// The tones.
const (
	Good    Tone = "good"    // done, active, said yes
	Waiting Tone = "waiting" // somebody has to do something, or time has
	Bad     Tone = "bad"     // failed, refused, cannot be undone
	Info    Tone = "info"    // worth knowing
	Quiet   Tone = "quiet"   // ended, draft, none
)

// Link is words and where they lead. Icon and Tone only matter on buttons.
type Link struct {
	Label string
	URL   string
	Icon  string
}

// Page is what a member's page says around its content.
type Page struct {
	Title   string    // the h1 and the title of the window
	Lead    string    // one sentence below it
	Section string    // Section.Key of the navigation, of a section or a line, when the path doesn't tell
	Crumbs  []Link    // the way back, outermost first
	Badge   Component // a state beside the title, or nil
	Actions Component // buttons at the end of the title line, or nil
	Tabs    []Tab
	Form    *Form // its faults are summed up on top, with links to the fields
	Wide    bool  // for tables and editors; else lines stay readable
	Refresh int   // seconds after which a page of running work is loaded again

	Then string // the same page with what takes long: what stands in Live is put in once it is there
}

// PublicPage is what a page for strangers says around its content.
type PublicPage struct {
	Title  string
	Lead   string
	Form   *Form
	Bare   bool // inside a frame of another site: no head, no foot
	Script bool // load our script: sign-in pages only, for passkeys
	Wide   bool // a page of reading matter, such as a privacy policy

	Style     string     // the address of the one style sheet it is drawn with, instead of today's
	Puzzle    bool       // load the solver of puzzles: forms that ask one
	Lang      string     // of title and lead, when it isn't the page's
	Languages []Language // the page in others, instead of the house's
}

// Language is a page in one of its languages.
type Language struct {
	Code, Name, URL string
	Now             bool
}

// Why is the short panel of a step where the law asks for something: what stands for the file,
// form, template or campaign at hand, then what is asked, by which law, and one example.
type Why struct {
	Step    string // import, form, template or campaign: words under why.<step>
	State   string // what holds of this one now, in a sentence
	Tone    Tone
	Article string // slug of the article in the help
}

// Tab is one of several views of the same thing, each a page of its own.
type Tab struct {
	Label string
	URL   string
	Now   bool
	Count string // a number beside it, or ""
}

// Tile is one number worth a look.
type Tile struct {
	Label string
	Value string
	Note  string // what it means or is compared with
	Tone  Tone   // "" for none
	Link  string
}

// Fact is one line of a definition list. Value is a Component, or Text.
type Fact struct {
	Label string
	Text  string
	Value Component
	Hint  string
}

// EmptyState is what stands where nothing is: one sentence, one button, one link to help.
type EmptyState struct {
	Icon   string
	Title  string
	Text   string
	Action Link
	Help   Link
}

// Step is one step of a wizard.
type Step struct {
	Label string
	URL   string // "" while it can't be reached
	State StepState
}

// StepState is how far a step is.
type StepState string

// The states of a step.
const (
	StepDone StepState = "done"
	StepNow  StepState = "now"
	StepTodo StepState = "todo"
)

// Bar is the progress of long work. Total 0 means nobody knows yet.
type Bar struct {
	Label string // what runs
	Done  int64
	Total int64
	Text  string // how far, in words; "" says "DONE of TOTAL"
	Ended bool   // no more news will come
}

// Question is a page that asks before something is done.
type Question struct {
	Text   string // what will happen, and whether it can be undone
	Facts  []Fact
	Post   string            // where the yes goes
	Hidden map[string]string // values that go with it
	Button string            // the yes, as a verb: "Erase this person"
	Danger bool
	Cancel string // where the no goes
	Type   string // a word to be typed for the yes (form value "typed"), or ""
	Form   *Form
}

// Field is one input with its label, hint and error. Value and error come from the form.
type Field struct {
	Name         string
	Label        string
	Hint         string
	Type         string // of Input: text (default), email, url, number, password, search, tel
	Required     bool   // else "optional" stands beside the label
	Autocomplete string // WCAG 1.3.5: "email", "name", "organization", "current-password", …
	Placeholder  string // an example, never a label
	Value        string // when the form has none
	Min, Max     string // of numbers and dates
	MaxLength    int
	Rows         int // of TextArea
	Choices      []Choice
	Accept       string // of FileField: ".csv,text/csv"
	Suffix       string // a unit after the input
	Mono         bool   // code, keys, DNS records
	Short        bool   // narrow, for numbers and codes
	ReadOnly     bool
	Autofocus    bool
	Lang         string // of what is typed, when it is not the page's
}

// Choice is one option of a select, of radio cards, of checkboxes or of a filter.
type Choice struct {
	Value    string
	Label    string
	Hint     string // a description below it
	Disabled bool
	Count    string // of filters: how many, or ""
}

func (d Field) id() string {
	return "f-" + strings.NewReplacer(".", "-", "[", "-", "]", "").Replace(d.Name)
}

// describedBy joins the ids of hint and error for aria-describedby.
func (d Field) describedBy(f *Form) string {
	var ids []string
	if d.Hint != "" {
		ids = append(ids, d.id()+"-hint")
	}
	if f.first(d.Name) != nil {
		ids = append(ids, d.id()+"-error")
	}
	return strings.Join(ids, " ")
}

func (d Field) value(f *Form) string {
	if f != nil && f.Values.Has(d.Name) {
		return f.Values.Get(d.Name)
	}
	return d.Value
}

func (d Field) chosen(f *Form, value string) bool {
	if f != nil && f.Values.Has(d.Name) {
		return f.Has(d.Name, value)
	}
	return d.Value != "" && d.Value == value
}

func (d Field) kind() string {
	if d.Type == "" {
		return "text"
	}
	return d.Type
}

// sections marks the active line and leaves out what the member may not see.
func (r *Request) sections() []Section {
	var out []Section
	for _, s := range r.shell.Sections {
		if s.Permission != "" && !r.May(s.Permission) {
			continue
		}
		var items []Section
		for _, i := range s.Items {
			if i.Permission == "" || r.May(i.Permission) {
				items = append(items, i)
			}
		}
		s.Items = items
		out = append(out, s)
	}
	return out
}

// active gives the key of the section, and the path of its line, that fit the page best.
func (r *Request) active(page Page) (section, item string) {
	best := -1
	fits := func(path string) bool {
		at := r.R.URL.Path
		return at == path || path != "/" && strings.HasPrefix(at, path+"/")
	}
	for _, s := range r.shell.Sections {
		if fits(s.Path) && len(s.Path) > best {
			best, section, item = len(s.Path), s.Key, ""
		}
		for _, i := range s.Items {
			if fits(i.Path) && len(i.Path) >= best {
				best, section, item = len(i.Path), s.Key, i.Path
			}
		}
	}
	for _, s := range r.shell.Sections {
		if s.Key == page.Section {
			section = s.Key
		}
		for _, i := range s.Items {
			if i.Key == page.Section {
				section, item = s.Key, i.Path
			}
		}
	}
	return section, item
}

func (r *Request) theme() string {
	switch r.Member.Theme {
	case "light", "dark":
		return r.Member.Theme
	}
	return "auto"
}

// here is the address of this page, to come back to.
func (r *Request) here() string {
	if r.failed {
		return "/"
	}
	if r.reads() {
		return r.R.URL.RequestURI()
	}
	return r.R.URL.Path
}

// inLanguage is the address of this page in another language, seen from this page. An error
// page repeats nothing of what was asked: a forged link may carry somebody's address.
func (r *Request) inLanguage(lang string) string {
	v := url.Values{}
	if !r.failed {
		v = r.R.URL.Query()
	}
	v.Set("lang", lang)
	return "?" + v.Encode()
}

func (r *Request) other() string {
	if r.P.Lang == "fr" {
		return "en"
	}
	return "fr"
}

func (p Page) windowTitle(r *Request) string {
	return windowTitle(r, p.Title, p.Form)
}

func windowTitle(r *Request, title string, f *Form) string {
	if f != nil && !f.OK() {
		title = r.P.T("shell.error_title", "title", title)
	}
	if r.Brand.Name != "" {
		return title + " · " + r.Brand.Name
	}
	return title + " · Consend"
}

func iso(m legalclock.Moment) string { return m.Time().Format("2006-01-02T15:04:05Z") }
