// SPDX-License-Identifier: AGPL-3.0-or-later

// Package locale promises that every sentence a person reads stands in one
// catalogue, in English and in French, with that language's plurals, numbers and dates.
//
// The catalogue is embedded: one pair of files per room, catalogue/<room>.en.toml
// and catalogue/<room>.fr.toml, so that rooms never edit each other's words. Keys
// begin with the room's name. A message:
//
//	["contact.correct.done"]
//	other = "The address was corrected."
//
//	["contact.count"]            # counted: French needs one, many and other
//	one = "{{.n}} contact"
//	other = "{{.n}} contacts"
//
// Nothing here escapes HTML: templ does. It leaves to callers which language to
// speak: the order is contact, form, account, English.
package locale

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"consend/internal/ground/fault"
)

// Languages we speak. The first is the fallback.
const (
	English = "en"
	French  = "fr"
)

// Languages lists the languages of the catalogue, fallback first.
func Languages() []string { return []string{English, French} }

//go:embed catalogue/*.toml
var files embed.FS

// bundle is read-only once loaded: a value, not a state.
var bundle = sync.OnceValue(func() *i18n.Bundle {
	b := i18n.NewBundle(language.English)
	b.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	names, err := fs.Glob(files, "catalogue/*.toml")
	if err == nil && len(names) == 0 {
		err = fs.ErrNotExist
	}
	for _, name := range names {
		text, e := fs.ReadFile(files, name)
		if e == nil && strings.HasSuffix(name, ".fr.toml") {
			text = []byte(french.Replace(string(text)))
		}
		if e == nil {
			_, e = b.ParseMessageFileBytes(text, name)
		}
		if e != nil {
			err = fmt.Errorf("%s: %w", name, e)
		}
	}
	if err != nil {
		panic("locale: the embedded catalogue is broken: " + err.Error()) // a build that can't speak must not start
	}
	return b
})

// french makes the spaces of French signs such that no line breaks at them. The catalogue
// holds ordinary ones, which are easier to write and to see.
var french = strings.NewReplacer(" ?", "\u00a0?", " !", "\u00a0!", " ;", "\u00a0;", " :", "\u00a0:", "« ", "«\u00a0", " »", "\u00a0»", " %", "\u00a0%")

// Printer speaks one language in one time zone. Make one with For; it is safe for many goroutines.
type Printer struct {
	Lang string         // "en" or "fr", for the lang attribute
	Zone *time.Location // the account's zone: all dates are shown in it
	say  *i18n.Localizer
	num  *message.Printer
}

// For makes a printer. An unknown language gives English, a nil zone UTC.
func For(lang string, zone *time.Location) Printer {
	if zone == nil {
		zone = time.UTC
	}
	tag := language.BritishEnglish // day before month, as our readers in the EEA expect
	if lang == French {
		tag = language.French
	} else {
		lang = English
	}
	return Printer{Lang: lang, Zone: zone, say: i18n.NewLocalizer(bundle(), lang, English), num: message.NewPrinter(tag)}
}

// Match picks our language for an Accept-Language header; English when none fits.
func Match(accept string) string {
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(tags) == 0 {
		return English
	}
	m := language.NewMatcher([]language.Tag{language.English, language.French})
	if _, i, c := m.Match(tags...); c > language.No && i == 1 {
		return French
	}
	return English
}

// Known tells whether a code is a language of ours, for values that come from outside.
func Known(lang string) bool { return lang == English || lang == French }

// T says the message with the values (name, value pairs). A key that is missing
// is shown as itself: ugly, harmless, and a test keeps it from happening.
func (p Printer) T(key string, args ...any) string {
	return p.message(key, nil, values(args))
}

// N says the message for a count, in the right plural form; {{.n}} is the count written by locale.
func (p Printer) N(key string, count int, args ...any) string {
	v := values(args)
	v["n"] = p.Number(int64(count))
	return p.message(key, count, v)
}

// Has tells whether the catalogue holds the key (in English; a test keeps both equal).
func (p Printer) Has(key string) bool {
	_, err := p.say.Localize(&i18n.LocalizeConfig{MessageID: key, PluralCount: 2})
	if err == nil {
		return true
	}
	_, err = p.say.Localize(&i18n.LocalizeConfig{MessageID: key})
	return err == nil
}

// Or says key when the catalogue holds it, and otherwise what is given: for words
// built from values, such as states and permissions.
func (p Printer) Or(key, otherwise string) string {
	if p.Has(key) {
		return p.T(key)
	}
	return otherwise
}

// Fault says what went wrong, and on which line of a file if it has one.
func (p Printer) Fault(e *fault.Error) string {
	s := p.T(e.Key, e.Args...)
	if e.Line > 0 {
		return p.T("locale.on_line", "line", e.Line, "what", s)
	}
	return s
}

// message renders one message. Numbers among the values are written by locale.
func (p Printer) message(key string, count any, v map[string]any) string {
	for name, x := range v {
		switch n := x.(type) {
		case int:
			v[name] = p.Number(int64(n))
		case int64:
			v[name] = p.Number(n)
		}
	}
	cfg := &i18n.LocalizeConfig{MessageID: key, TemplateData: v}
	if count != nil {
		cfg.PluralCount = count
	}
	s, err := p.say.Localize(cfg)
	if err != nil && s == "" {
		return key
	}
	return s
}

func values(args []any) map[string]any {
	v := make(map[string]any, len(args)/2+1)
	for i := 0; i+1 < len(args); i += 2 {
		v[strings.TrimSpace(fmt.Sprint(args[i]))] = args[i+1]
	}
	return v
}
