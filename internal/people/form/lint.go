// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"consend/internal/ground/locale"
	"consend/internal/people/list"
	"consend/internal/people/notice"
)

// Finding is what the linter says about one rule. Its words are form.rule.RULE, its remedy
// form.rule.RULE.remedy.
type Finding struct {
	Rule     string `json:"rule"`
	Result   Result `json:"result"`
	Language string `json:"language,omitempty"`
	What     string `json:"what,omitempty"` // the field, list or word it is about
}

// Result is what became of a rule.
type Result string

// The results. A form with one Refused can't be published. Structure is refused, wording is
// warned (compliance L16); and nobody is told that a form is lawful, only that rules passed.
const (
	Passed  Result = "passed"
	Warned  Result = "warned"
	Refused Result = "refused"
	Unread  Result = "unread" // words of a language whose words we don't know
)

// Rules lists the rules in the order pages show them, each with its law in its words.
func Rules() []string {
	return []string{"controller", "note", "note_fresh", "note_names", "policy", "withdraw", "translation", "list", "list_open", "one_box_one_purpose",
		"unticked", "own_box", "measuring_apart", "terms_apart", "why", "required", "special", "birth", "age", "children", "price", "opt_in", "button", "mail", "remind", "redirect", "claims"}
}

// Refusals tells whether findings keep a form from being published.
func Refusals(fs []Finding) bool {
	return slices.ContainsFunc(fs, func(f Finding) bool { return f.Result == Refused })
}

// Lint holds a form and its pages against every rule. note is the note's newest version and
// gaps what its draft lacks; a zero version was never published. changed tells that the
// note's draft is newer; lasts how many days the link of the confirmation mail works; purposes are the account's. It
// returns at least one finding a rule.
func Lint(d Definition, note notice.Version, changed bool, lasts int, pages []Page, purposes ...list.Purpose) []Finding {
	l := linter{d: d}
	n := note.Content
	// GDPR 13(1)(a): who.
	l.rule("controller", note.ID != 0 && n.Controller.Name != "" && n.Controller.Postal != "")
	// GDPR 13: a note, in each language of the form.
	l.rule("note", note.ID != 0 && len(notice.Gaps(n)) == 0)
	for _, lang := range d.Languages {
		switch {
		case note.ID == 0 || slices.Contains(n.Languages, lang):
		case slices.Contains(n.Languages, d.Speaks(lang)): // shown in another language than the form: understood by fewer (GDPR 12(1))
			l.say("note", Warned, lang, "")
		default:
			l.say("note", Refused, lang, "")
		}
	}
	l.hint("note_fresh", !changed)
	l.named(note, purposes)
	l.hint("policy", n.Policy != "")
	l.words()
	l.lists()
	l.fields()
	l.hint("opt_in", d.OptIn == Double)
	if d.OptIn != Double && d.OptIn != Single {
		l.say("opt_in", Refused, "", string(d.OptIn))
	}
	if d.Remind > mostRemind(lasts) { // T-14: one reminder, of a link that still works
		l.say("remind", Refused, "", strconv.Itoa(mostRemind(lasts)))
	}
	l.redirect(note)
	l.drawn(pages)
	return l.all()
}

// named holds the note against what the form asks for: GDPR 13(1)(c) wants each purpose named. What measures is known
// for what it is; the account's purposes are told by their words, which a note may say otherwise.
func (l *linter) named(note notice.Version, purposes []list.Purpose) {
	if note.ID == 0 {
		return
	}
	known := map[string]bool{}
	measures := false
	for _, p := range note.Content.Purposes {
		measures = measures || p.Asked == "measuring"
		for _, w := range p.Name {
			known[strings.ToLower(strings.TrimSpace(w))] = true
		}
	}
	said := map[int64]bool{}
	for _, c := range l.d.Lists {
		if c.Grant {
			if !measures {
				l.say("note_names", Refused, "", c.Label.In(l.d.Language("")))
				measures = true // once is enough
			}
			continue
		}
		for _, p := range purposes {
			if p.ID != c.Purpose || said[p.ID] {
				continue
			}
			said[p.ID] = true
			words := []string{p.Name, c.Name}
			words = slices.AppendSeq(slices.AppendSeq(words, maps.Values(p.Public)), maps.Values(c.Label))
			if !slices.ContainsFunc(words, func(w string) bool { return known[strings.ToLower(strings.TrimSpace(w))] }) {
				l.say("note_names", Warned, "", p.Name)
			}
		}
	}
}

type linter struct {
	d     Definition
	found []Finding
}

func (l *linter) say(rule string, r Result, lang, what string) {
	l.found = append(l.found, Finding{rule, r, lang, what})
}

// rule refuses a structure that isn't so; hint only warns.
func (l *linter) rule(rule string, ok bool) {
	if !ok {
		l.say(rule, Refused, "", "")
	}
}

func (l *linter) hint(rule string, ok bool) {
	if !ok {
		l.say(rule, Warned, "", "")
	}
}

// all gives the findings in the order of the rules, with a pass for each rule that found nothing. Where
// something was found in words, it is not said that others were not read.
func (l *linter) all() []Finding {
	var out []Finding
	for _, r := range Rules() {
		before := len(out)
		for _, f := range l.found {
			told := f.Result == Unread && slices.ContainsFunc(l.found, func(x Finding) bool { return x.Rule == r && x.Language == f.Language && x.Result != Unread })
			if f.Rule == r && !told && !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
		if len(out) == before {
			out = append(out, Finding{Rule: r, Result: Passed})
		}
	}
	return out
}

var (
	// Words of terms and of tracking that don't belong into a consent, and claims nobody can
	// make. They warn: words can be read in many ways.
	terms     = regexp.MustCompile(`(?i)terms (of|and)|terms & conditions|(accept|agree to|agree with|read) (the |our |your |these )?terms|conditions (générales|d.utilisation|de vente)|accepte (les|vos|nos|ces) conditions|\bCG[VU]\b|privacy policy|politique de confidentialité`)
	tracking  = regexp.MustCompile(`(?i)\btrack|measur|statisti|pixel|mesur|audience|profil`)
	claims    = regexp.MustCompile(`(?i)(GDPR|RGPD)[- ]?(compliant|proof|conforme|safe)|conforme (au|à) |compliant with|100 ?%|we value your privacy|spam`)
	vague     = regexp.MustCompile(`(?i)^(ok|okay|submit|send|go|next|continue|valider|envoyer|suivant|continuer|soumettre)[ !.…]*$`)
	leaving   = regexp.MustCompile(`(?i)unsubscrib|leave|withdraw|opt out|désinscri|désabonn|retirer|retrait|quitter`)
	promotion = regexp.MustCompile(`(?i)https?:|www\.|[€$£]|\d ?%|<img|\b(offers?|discounts?|sales?|vouchers?|coupons?|promo(tion)?s?|offres?|remises?|soldes?|réductions?|bons? d.achat|codes? promo)\b`)
	children  = regexp.MustCompile(`(?i)\b(child(ren)?|kids?|pupils?|teen(ager)?s?|minors?|enfants?|ados?|adolescents?|élèves?|mineurs?|collégiens?)\b`)
	price     = regexp.MustCompile(`(?i)in exchange|in return for|to (download|get|receive) (your|the) (free )?(e-?book|guide|gift|file)|must (agree|subscribe|sign up)|\brequired to\b|en échange|en contrepartie|pour (télécharger|recevoir) (votre|le) (livre|guide|cadeau|fichier)|obligatoire pour|vous devez (accepter|vous abonner|vous inscrire)`)
	birth     = regexp.MustCompile(`(?i)birth|naissance|geburt|\bage\b|\bâge\b|\bdob\b`)
)

// words holds that every text stands in every language, and reads what it says.
func (l *linter) words() {
	d := l.d
	if len(d.Languages) == 0 {
		l.say("translation", Refused, "", "")
	}
	for _, lang := range d.Languages {
		if !d.Knows(lang) {
			l.say("translation", Refused, lang, "")
			continue
		}
		for _, t := range []struct {
			w    Words
			what string
		}{{d.Title, "title"}, {d.Consent, "consent"}, {d.Button, "button"}} {
			if !some(t.w, lang) {
				l.say("translation", Refused, lang, t.what)
			}
		}
		for what, w := range map[string]Words{"intro": d.Intro, "sent": d.Sent, "done": d.Done, "already": d.Already, "subject": d.Subject, "greeting": d.Greeting} {
			if anywhere(w, d.Languages) && !some(w, lang) {
				l.say("translation", Refused, lang, what)
			}
		}
		// GDPR 7(3): told before the consent is given.
		if !some(d.Withdraw, lang) {
			l.say("withdraw", Refused, lang, "")
		} else if locale.Known(lang) && !leaving.MatchString(d.Withdraw.In(lang)) {
			l.say("withdraw", Warned, lang, "")
		}
		if !locale.Known(lang) { // these rules are words of English and French: what they don't find there says nothing
			for _, rule := range wordly() {
				l.say(rule, Unread, lang, "")
			}
		}
		said := d.Consent.In(lang)
		for _, c := range d.Mails() {
			said += " " + c.Label.In(lang)
		}
		asked := "" // what boxes and fields say: a yes to something else may stand there
		for _, f := range d.Fields {
			asked += " " + f.Label.In(lang) + " " + f.Why.In(lang) + " " + f.Explicit.In(lang)
		}
		if m := terms.FindString(said + asked); m != "" { // GDPR 7(2), 7(4)
			l.say("terms_apart", Warned, lang, m)
		}
		if m := tracking.FindString(said); m != "" { // CNIL: measuring is a purpose of its own
			l.say("measuring_apart", Warned, lang, m)
		}
		if m := claims.FindString(said + " " + d.Title.In(lang) + " " + d.Intro.In(lang)); m != "" {
			l.say("claims", Warned, lang, m)
		}
		if t, ok := d.tongue(lang); ok { // the rest of the page is in another language
			for _, k := range FixedWords() {
				if strings.TrimSpace(t.Fixed[k]) == "" {
					l.say("translation", Warned, lang, "fixed")
					break
				}
			}
		}
		if m := promotion.FindString(d.Subject.In(lang) + " " + d.Greeting.In(lang)); m != "" { // T-14: no advertising before the yes (ePrivacy 13(1))
			l.say("mail", Warned, lang, strings.TrimSpace(m))
		}
		all := d.Title.In(lang) + " " + d.Intro.In(lang) + " " + said
		if m := children.FindString(all); m != "" && d.Age == 0 && len(d.Ages) == 0 { // GDPR 8(1), 12(1)
			l.say("children", Warned, lang, m)
		}
		if m := price.FindString(all + asked); m != "" { // T-44, GDPR 7(4)
			l.say("price", Warned, lang, strings.TrimSpace(m))
		}
		if b := d.Button.In(lang); d.ButtonActs() && vague.MatchString(b) { // GDPR 4(11): unambiguous
			l.say("button", Warned, lang, b)
		}
	}
}

// wordly are the rules that know what is wrong by the words of English and French.
func wordly() []string {
	return []string{"withdraw", "measuring_apart", "terms_apart", "birth", "children", "price", "button", "mail", "claims"}
}

// redirect shows where people are led afterwards: to hosts the note names, without a word.
func (l *linter) redirect(note notice.Version) {
	d := l.d
	if d.Redirect == "" {
		return
	}
	u, err := url.Parse(d.Redirect)
	if err != nil || !goesTo(d.Redirect) {
		l.say("redirect", Refused, "", d.Redirect)
		return
	}
	host := strings.ToLower(u.Hostname())
	own := func(h string) bool {
		h = strings.TrimPrefix(strings.ToLower(h), "www.")
		return h != "" && (host == h || strings.HasSuffix(host, "."+h))
	}
	policy, _ := url.Parse(note.Content.Policy)
	_, domain, _ := strings.Cut(note.Content.Contact.Email, "@")
	if policy == nil || !own(policy.Hostname()) && !own(domain) {
		l.say("redirect", Warned, "", host)
	}
}

func (l *linter) lists() {
	d := l.d
	mails := d.Mails()
	l.rule("list", len(mails) > 0)
	seen := map[int64]bool{}
	for _, c := range d.Lists {
		if seen[c.List] {
			l.say("one_box_one_purpose", Refused, "", c.Name)
		}
		seen[c.List] = true
		if c.Purpose == 0 {
			l.say("one_box_one_purpose", Refused, "", c.Name)
		}
		if c.Closed {
			l.say("list_open", Refused, "", c.Name)
		}
		for _, lang := range d.Languages {
			if !some(c.Label, lang) {
				l.say("translation", Refused, lang, c.Name)
			}
			if anywhere(c.Hint, d.Languages) && !some(c.Hint, lang) {
				l.say("translation", Refused, lang, c.Name)
			}
		}
	}
}

func (l *linter) fields() {
	required := 0
	names := map[string]bool{}
	for _, f := range l.d.Fields {
		if names[f.Name] || f.Name == "" || f.Name == "email" {
			l.say("why", Refused, "", f.Name)
		}
		names[f.Name] = true
		for _, lang := range l.d.Languages {
			if !some(f.Label, lang) {
				l.say("translation", Refused, lang, f.Name)
			}
			if !some(f.Why, lang) { // GDPR 5(1)(c), 25(2)
				l.say("why", Refused, lang, f.Name)
			}
			for _, c := range f.Choices { // one is enough to say so
				if anywhere(f.Called[c], l.d.Languages) && !some(f.Called[c], lang) {
					l.say("translation", Warned, lang, f.Name+": "+c)
					break
				}
			}
			if f.Type == "date" && birth.MatchString(f.Name+" "+f.Label.In(lang)) { // T-23: ask "over N?", not the date
				l.say("birth", Warned, lang, f.Name)
			}
		}
		if f.Marked { // GDPR 9(2)(a): nothing but an explicit consent to this very thing
			missing := false
			for _, lang := range l.d.Languages {
				if !some(f.Explicit, lang) {
					l.say("special", Refused, lang, f.Name)
					missing = true
				}
			}
			if f.Required {
				l.say("special", Refused, "", f.Name)
			} else if !missing {
				l.say("special", Warned, "", f.Name)
			}
		}
		if f.Required {
			required++
		}
	}
	if required > 1 {
		l.say("required", Warned, "", strconv.Itoa(required))
	}
	if l.d.Age < 0 || l.d.Age > 18 {
		l.say("age", Refused, "", strconv.Itoa(l.d.Age))
	}
}

// drawn reads the pages as a browser will: what they say counts, not what was meant.
func (l *linter) drawn(pages []Page) {
	for _, lang := range l.d.Languages {
		i := slices.IndexFunc(pages, func(p Page) bool { return p.Language == lang })
		if i < 0 {
			l.say("translation", Refused, lang, "")
			continue
		}
		root, err := html.Parse(strings.NewReader(pages[i].HTML))
		if err != nil {
			l.say("unticked", Refused, lang, "")
			continue
		}
		boxes := map[string]int{}
		noted, button := false, 0
		for n := range root.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			a := attributes(n)
			_, checked := a["checked"]
			_, selected := a["selected"]
			if checked || selected { // CJEU C-673/17, GDPR recital 32
				l.say("unticked", Refused, lang, a["name"])
			}
			switch n.DataAtom {
			case atom.Input:
				if a["name"] != "list" {
					continue
				}
				boxes[a["value"]]++
				if _, must := a["required"]; must || a["type"] != "checkbox" { // T-44: no consent as the price
					l.say("own_box", Refused, lang, a["value"])
				}
			case atom.Button:
				button++
			case atom.A:
				noted = noted || strings.HasPrefix(a["href"], "/privacy/")
			case atom.Script, atom.Img, atom.Iframe, atom.Link, atom.Object:
				l.say("claims", Refused, lang, n.Data) // nothing foreign in a form
			}
		}
		if !noted {
			l.say("note", Refused, lang, "")
		}
		if button != 1 {
			l.say("button", Refused, lang, "")
		}
		for _, c := range l.d.Boxes() {
			id := strconv.FormatInt(c.List, 10)
			if boxes[id] != 1 {
				l.say("own_box", Refused, lang, c.Name)
			}
			delete(boxes, id)
		}
		for id := range boxes {
			l.say("own_box", Refused, lang, id)
		}
	}
}

func attributes(n *html.Node) map[string]string {
	m := map[string]string{}
	for _, a := range n.Attr {
		m[a.Key] = a.Val
	}
	return m
}

func anywhere(w Words, languages []string) bool {
	return slices.ContainsFunc(languages, func(l string) bool { return some(w, l) })
}
