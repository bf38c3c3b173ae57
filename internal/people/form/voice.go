// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"encoding/json"
	"slices"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/people/notice"
)

// Tongue is a language the account added to the house's: it writes the form's own words in
// it. The page's fixed words (labels, errors, the mail's frame) are spoken in Fallback where
// Fixed doesn't give them, and marked as such, so that a screen reader pronounces them right
// (WCAG 3.1.2).
type Tongue struct {
	Code     string            `json:"code"` // BCP 47, canonical
	Name     string            `json:"name"` // as its speakers call it
	Fallback string            `json:"fallback"`
	Fixed    map[string]string `json:"fixed,omitempty"` // by FixedWords
}

// Tongues lists the languages that the account's forms speak beside the house's: of the forms that take
// sign-ups, each language once, as the form that was published last has it, at most MaxLanguages.
func Tongues(r store.Reader) ([]Tongue, error) {
	docs, err := store.All[string](r, servedTongues)
	if err != nil {
		return nil, err
	}
	var out []Tongue
	for _, doc := range docs {
		d, err := spoken(doc)
		if err != nil {
			return nil, err
		}
		for _, t := range d.Tongues {
			if len(out) < MaxLanguages && slices.Contains(d.Languages, t.Code) && !slices.ContainsFunc(out, func(x Tongue) bool { return x.Code == t.Code }) {
				out = append(out, t)
			}
		}
	}
	return out, nil
}

// Speaks is the language of the house in which somebody is spoken to who reads lang: itself, or the
// fallback of a language that a form added, as the newest version with it says, served or not; "" when no
// form ever spoke it.
func Speaks(r store.Reader, lang string) (string, error) {
	if lang == "" || locale.Known(lang) {
		return lang, nil
	}
	t, ok := NewTongue(lang, "", "")
	if !ok {
		return "", nil
	}
	docs, err := store.All[string](r, tongueOf, `%"code":"`+t.Code+`"%`) // a code has neither % nor _
	if err != nil {
		return "", err
	}
	for _, doc := range docs {
		d, err := spoken(doc)
		if err != nil {
			return "", err
		}
		if t, ok := d.tongue(t.Code); ok {
			return t.Fallback, nil
		}
	}
	return "", nil
}

func spoken(doc string) (d Definition, err error) {
	err = json.Unmarshal([]byte(doc), &d)
	return d, err
}

// FixedWords lists the words of the page that an account may write in a language it added.
func FixedWords() []string {
	return []string{"form.email", "form.optional", "form.choose", "form.also", "form.pick", "form.note", "form.age", "form.age.yes", "form.age.country",
		"form.mail.button", "form.confirm.title", "form.confirm.do", "form.confirm.not_me"}
}

// MaxLanguages is how many languages a form may speak.
const MaxLanguages = 8

// NewTongue reads the code of a language to be added: "" when it is none, or one of the
// house's. Its name is that of its speakers, unless one is given.
func NewTongue(code, name, fallback string) (Tongue, bool) {
	tag, err := language.Parse(strings.TrimSpace(code))
	if err != nil || tag == language.Und || len(tag.String()) > 20 || locale.Known(tag.String()) {
		return Tongue{}, false
	}
	if name = strings.TrimSpace(name); name == "" {
		name = display.Self.Name(tag)
	}
	if name == "" {
		name = tag.String()
	}
	if !locale.Known(fallback) {
		fallback = locale.English
	}
	return Tongue{Code: tag.String(), Name: name, Fallback: fallback}, true
}

// tongue finds an added language.
func (d Definition) tongue(lang string) (Tongue, bool) {
	i := slices.IndexFunc(d.Tongues, func(t Tongue) bool { return t.Code == lang })
	if i < 0 {
		return Tongue{}, false
	}
	return d.Tongues[i], true
}

// Speaks is the language of the house in which fixed words are said to who reads lang.
func (d Definition) Speaks(lang string) string {
	if t, ok := d.tongue(lang); ok {
		return t.Fallback
	}
	return lang
}

// Knows tells whether the form can be written in a language.
func (d Definition) Knows(lang string) bool {
	_, ok := d.tongue(lang)
	return ok || locale.Known(lang)
}

// LanguageName is what its speakers call a language of the form.
func (d Definition) LanguageName(lang string) string {
	if t, ok := d.tongue(lang); ok {
		return t.Name
	}
	return locale.For(lang, nil).T("locale.name." + lang)
}

// Prefers picks among the form's languages the one a browser asks for; "" when none fits.
func (d Definition) Prefers(accept string) string {
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(tags) == 0 || len(d.Languages) == 0 {
		return ""
	}
	var have []language.Tag
	for _, l := range d.Languages {
		have = append(have, language.Make(l))
	}
	if _, i, c := language.NewMatcher(have).Match(tags...); c > language.No {
		return d.Languages[i]
	}
	return ""
}

// voice says a form's fixed words in one of its languages.
type voice struct {
	locale.Printer
	lang string
	own  map[string]string
}

func (d Definition) voice(lang string) voice {
	t, _ := d.tongue(lang)
	return voice{locale.For(d.Speaks(lang), nil), lang, t.Fixed}
}

// T is the account's own word where it wrote one, else the house's.
func (v voice) T(key string, args ...any) string {
	s := strings.TrimSpace(v.own[key])
	if s == "" {
		return v.Printer.T(key, args...)
	}
	for i := 0; i+1 < len(args); i += 2 {
		if n, ok := args[i+1].(int); ok {
			s = strings.ReplaceAll(s, "{"+args[i].(string)+"}", v.Number(int64(n)))
		}
	}
	return s
}

// foreign is the language a fixed word is said in, where it isn't the form's.
func (v voice) foreign(key string) string {
	if strings.TrimSpace(v.own[key]) != "" || v.Lang == v.lang {
		return ""
	}
	return v.Lang
}

// NoteIn is the note as the form shows it in one of its languages: in that language, or in
// the one its fixed words are said in.
func (d Definition) NoteIn(n notice.Version, lang string) notice.Text {
	if t := n.In(lang); t.Language == lang {
		return t
	}
	return n.In(d.Speaks(lang))
}
