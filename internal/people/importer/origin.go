// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"slices"
	"strings"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/list"
)

// Kind is where the addresses come from, in the eight plain choices of the origin step
// (kind.md), and inherited, which is a shade of acquired.
type Kind string

// The origins. Their names are those of the rules evidence.word.*.
const (
	Site      Kind = "site"      // signed up on our site
	Paper     Kind = "paper"     // on paper or at an event
	Customer  Kind = "customer"  // bought from us
	Member    Kind = "member"    // member or under contract
	Business  Kind = "business"  // business contact at work
	Tool      Kind = "tool"      // coming from another tool
	Acquired  Kind = "acquired"  // bought, rented or collected
	Unknown   Kind = "unknown"   // I don't know
	Inherited Kind = "inherited" // taken over from a predecessor; said on the command line, or as how of Acquired
)

// Kinds lists the eight choices in the order pages show them.
func Kinds() []Kind { return []Kind{Site, Paper, Customer, Member, Business, Tool, Acquired, Unknown} }

// Origin is the answer to "where do these people come from, and what were they told?"
type Origin struct {
	Kind Kind `json:"kind"`

	// Follow-ups, 0 to 2 for each kind; see Asks.
	Where   string `json:"where,omitempty"`   // site: page or form · paper: event or place · business: how · tool: its name
	Words   string `json:"words,omitempty"`   // site, paper: what the people read when they said yes
	Sale    string `json:"sale,omitempty"`    // customer: what they bought · member: contract or membership
	Refusal string `json:"refusal,omitempty"` // customer: "yes" if they could refuse mail when they bought
	Similar string `json:"similar,omitempty"` // customer: "yes" if the list writes about products of one's own like those they bought
	Work    string `json:"work,omitempty"`    // business: why what the list writes concerns their work
	How     string `json:"how,omitempty"`     // tool: "signed_up", "bought" · member: "member", "contract" · business: "gave", "found" · acquired: "bought", "rented", "collected", "inherited"
	Partner string `json:"partner,omitempty"` // acquired: who asked the people for their consent, and named us

	Basis consent.Basis `json:"basis,omitempty"` // said on the command line; else it follows from the answers

	From string `json:"from,omitempty"` // the addresses were collected between these days;
	To   string `json:"to,omitempty"`   // acquired: To is the day they came to us

	Note string `json:"note,omitempty"` // the version of the privacy note they were shown, in the account's words
}

// Follow-ups a page asks for.
const (
	AskWhere   = "where"
	AskWords   = "words"
	AskSale    = "sale"
	AskRefusal = "refusal"
	AskSimilar = "similar"
	AskWork    = "work"
	AskHow     = "how"
	AskPartner = "partner"
)

// Asks tells which follow-ups a kind has: two at most, and what the law asks besides of mail to those who
// bought (ePrivacy 13(2)) and of mail to people at work (GDPR 6(1)(f)).
func (k Kind) Asks() []string {
	switch k {
	case Site, Paper:
		return []string{AskWhere, AskWords}
	case Customer:
		return []string{AskSale, AskRefusal, AskSimilar}
	case Member:
		return []string{AskHow, AskSale}
	case Business:
		return []string{AskHow, AskWhere, AskWork}
	case Tool:
		return []string{AskWhere, AskHow, AskSale, AskRefusal, AskSimilar}
	case Acquired:
		return []string{AskHow, AskPartner}
	}
	return nil
}

// Hows lists the answers to AskHow of a kind.
func (k Kind) Hows() []string {
	switch k {
	case Member:
		return []string{"member", "contract"}
	case Business:
		return []string{"gave", "found"}
	case Tool:
		return []string{"signed_up", "bought"}
	case Acquired:
		return []string{"bought", "rented", "collected", "inherited"}
	}
	return nil
}

// word is the kind under which the rulepack knows the origin.
func (o Origin) word() Kind {
	if o.Kind == Acquired && o.How == "inherited" {
		return Inherited
	}
	return o.Kind
}

// acquired tells whether somebody else had the addresses first.
func (o Origin) acquired() bool { return o.Kind == Acquired || o.Kind == Inherited }

// Indirect tells whether the data does not come from the person: GDPR 14 then asks that
// the person is told, a month after it was obtained at the latest.
func (o Origin) Indirect() bool {
	return o.acquired() || o.Kind == Unknown || o.Kind == Business && o.How == "found"
}

// basis is why one may write: what was said, or what follows from the answers.
func (o Origin) basis() consent.Basis {
	if o.Basis != "" {
		return o.Basis
	}
	switch o.Kind {
	case Site, Paper, Acquired, Inherited:
		return consent.ByConsent
	case Customer:
		return consent.SoftOptIn
	case Member:
		if o.How == "contract" {
			return consent.Contract
		}
		return consent.Member
	case Business:
		return consent.B2B
	case Tool:
		if o.How == "bought" {
			return consent.SoftOptIn
		}
		return consent.ByConsent
	}
	return ""
}

// Bases are those that can follow from a kind's answers, for a page that says before where they hold.
func (k Kind) Bases() []consent.Basis {
	var out []consent.Basis
	for _, how := range append(k.Hows(), "") {
		if b := (Origin{Kind: k, How: how}).basis(); b != "" && !slices.Contains(out, b) {
			out = append(out, b)
		}
	}
	return out
}

// Why is the basis that follows from the answers, for pages.
func (o Origin) Why() consent.Basis { return o.basis() }

// NeedsWord tells whether rows without proof of their own have no better evidence than the
// word of an owner or admin, and the word would do.
func NeedsWord(r store.Reader, i Import) (bool, error) {
	_, rules, err := rulesOf(r)
	if err != nil {
		return false, err
	}
	g, _ := grade(i.Origin, rules, false, i.Evidence != 0, true)
	return g == string(consent.GradeD), nil
}

// lacks names what keeps every row of this origin from being used, whatever the proof.
// Bought data needs the partner who was named when consent was asked (T-18; CNIL Solocal, Caloga).
func (o Origin) lacks() string {
	switch {
	case o.Kind == Unknown:
		return "origin_unknown"
	case o.acquired() && strings.TrimSpace(o.Partner) == "":
		return "partner_unnamed"
	case o.basis() == consent.SoftOptIn && strings.TrimSpace(o.Sale) == "":
		return "sale_unnamed"
	case o.basis() == consent.SoftOptIn && o.Refusal != "yes":
		return "no_opt_out_when_collecting" // ePrivacy 13(2)
	case o.basis() == consent.SoftOptIn && o.Similar != "yes":
		return "other_products" // ePrivacy 13(2)
	case o.basis() == consent.B2B && strings.TrimSpace(o.Work) == "":
		return consent.NoBalance // GDPR 6(1)(f)
	}
	return ""
}

// products name what the list sells where that is like what people bought; the question was asked.
func (o Origin) products(l list.List) string {
	if o.basis() == consent.SoftOptIn && o.Similar == "yes" {
		return l.Products()
	}
	return ""
}

// ref is the sale, contract or membership the basis leans on, or why it concerns their work.
func (o Origin) ref() string {
	switch {
	case o.basis() == consent.B2B:
		return o.Work
	case o.Sale != "":
		return o.Sale
	case o.Partner != "":
		return o.Partner
	}
	return ""
}

// source is the place of collection for a row that names none itself.
func (o Origin) source() string {
	s := string(o.word())
	if o.Where != "" {
		s += ": " + o.Where
	}
	return s
}

// Check tells what is missing or can't be right. Faults belong to the fields of the
// origin page. now and zone tell which day it is.
func (o Origin) Check(now legalclock.Moment, zone *time.Location) error {
	var bad fault.Many
	say := func(field, key string, args ...any) {
		bad = append(bad, fault.New(fault.Invalid, key, args...).At(field))
	}
	known := o.Kind == Inherited
	for _, k := range Kinds() {
		known = known || k == o.Kind
	}
	if !known {
		say("kind", "import.origin.missing")
		return bad.Err()
	}
	for _, a := range o.Kind.Asks() {
		switch a {
		case AskWhere:
			if o.Where == "" {
				say("where."+string(o.Kind), "import.origin.where."+string(o.Kind))
			}
		case AskHow:
			if !has(o.Kind.Hows(), o.How) {
				say("how."+string(o.Kind), "import.origin.how")
			}
		case AskRefusal:
			if o.basis() == consent.SoftOptIn && o.Refusal != "yes" && o.Refusal != "no" {
				say("refusal", "import.origin.refusal")
			}
		case AskSimilar:
			if o.basis() == consent.SoftOptIn && o.Similar != "yes" && o.Similar != "no" {
				say("similar", "import.origin.similar")
			}
		}
	}
	for field, text := range map[string]string{"where": o.Where, "sale": o.Sale, "partner": o.Partner, "note": o.Note, "work": o.Work} {
		if len(text) > 300 {
			say(field, "import.origin.long", "limit", 300)
		}
	}
	if len(o.Words) > 4000 {
		say("words", "import.origin.long", "limit", 4000)
	}
	if o.Basis != "" && !o.Basis.Known() {
		say("basis", "import.origin.basis")
	}
	if o.Kind != Unknown {
		from, errFrom := legalclock.ParseDate(o.From)
		to, errTo := legalclock.ParseDate(o.To)
		today := legalclock.Day(now, zone)
		switch {
		case errFrom != nil:
			say("from", "import.origin.dates")
		case errTo != nil:
			say("to", "import.origin.dates")
		case from > to:
			say("from", "import.origin.dates_order")
		case to > today:
			say("to", "import.origin.dates_future")
		}
	}
	return bad.Err()
}

func has(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// Obtained is the day the data came to the account: the one that is said of data that came from others, and never
// a later one than that on which the file was here (GDPR 14(3)(a)). Who doesn't know where it came from knows no
// such day: an import always finishes.
func (o Origin) Obtained(here legalclock.Moment, zone *time.Location) legalclock.Date {
	day := legalclock.Day(here, zone)
	if d, err := legalclock.ParseDate(o.To); err == nil && o.Indirect() && o.Kind != Unknown {
		return min(d, day)
	}
	return day
}

// NoticeDue is the end of the month in which people must be told (GDPR 14(3)(a)); 0 when
// they gave the data themselves. It is a calendar month, ended with its last hour.
func (o Origin) NoticeDue(here legalclock.Moment, zone *time.Location, rules *rulepack.Rules) legalclock.Moment {
	if !o.Indirect() {
		return 0
	}
	return o.month(here, zone, rules).End(zone)
}

func (o Origin) month(here legalclock.Moment, zone *time.Location, rules *rulepack.Rules) legalclock.Date {
	return o.Obtained(here, zone).AddMonths(rules.Number(rulepack.Art14Notice))
}

// WaitsUntil is when rows that wait for proof are deleted: some days before the month of
// GDPR 14 ends, for every origin (compliance L3).
func (o Origin) WaitsUntil(here legalclock.Moment, zone *time.Location, rules *rulepack.Rules) legalclock.Moment {
	return o.month(here, zone, rules).AddDays(-rules.Number(rulepack.Art14Margin)).Start(zone)
}

// over tells whether the month is over and nothing but proof of each row could do: none of them may wait.
func (o Origin) over(here, now legalclock.Moment, zone *time.Location, rules *rulepack.Rules, word bool) bool {
	if o.WaitsUntil(here, zone, rules) > now {
		return false
	}
	g, _ := grade(o, rules, false, false, word)
	return g == ""
}

// Spoken finds an origin and a basis by the words people use on a command line.
func Spoken(s string) (Kind, bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "site", "form", "website", "web", "signup", "sign-up", "online":
		return Site, true
	case "paper", "event", "fair", "offline":
		return Paper, true
	case "customer", "customers", "sale", "purchase", "shop":
		return Customer, true
	case "member", "members", "contract", "membership":
		return Member, true
	case "business", "b2b", "work":
		return Business, true
	case "tool", "brevo", "mailchimp", "export":
		return Tool, true
	case "acquired", "bought", "purchased", "rented", "collected", "list":
		return Acquired, true
	case "inherited", "predecessor":
		return Inherited, true
	case "unknown", "":
		return Unknown, true
	}
	return "", false
}

// spokenBases are the common ways to write a basis in English and French, as folded has them.
var spokenBases = map[string]consent.Basis{
	"consent": consent.ByConsent, "optin": consent.ByConsent, "doubleoptin": consent.ByConsent, "gdprconsent": consent.ByConsent, "consentement": consent.ByConsent, "abonnement": consent.ByConsent,
	"softoptin": consent.SoftOptIn, "existingcustomer": consent.SoftOptIn, "customer": consent.SoftOptIn, "client": consent.SoftOptIn, "clientexistant": consent.SoftOptIn,
	"b2b": consent.B2B, "business": consent.B2B, "professionnel": consent.B2B, "contactprofessionnel": consent.B2B,
	"contract": consent.Contract, "contrat": consent.Contract,
	"member": consent.Member, "membership": consent.Member, "membre": consent.Member, "adherent": consent.Member,
	"publictask": consent.PublicTask, "missiondinteretpublic": consent.PublicTask,
	"noncommercialli": consent.NonCommercial, "noncommercial": consent.NonCommercial, "noncommercialinterest": consent.NonCommercial,
	// as our own screens say them
	"saidyes": consent.ByConsent, "aditoui": consent.ByConsent, "theysigneduponoursite": consent.ByConsent, "ellessesontinscritessurnotresite": consent.ByConsent, "onpaperoratanevent": consent.ByConsent, "surpapieroulorsdunevenement": consent.ByConsent,
	"dejaclient": consent.SoftOptIn, "dejacliente": consent.SoftOptIn, "existingcustomers": consent.SoftOptIn, "theyboughtfromus": consent.SoftOptIn, "ellesontachetecheznous": consent.SoftOptIn,
	"businesscontact": consent.B2B, "businesscontacts": consent.B2B, "contactsprofessionnels": consent.B2B, "businesscontactsatwork": consent.B2B,
	"neededfortheservice": consent.Contract, "necessaireauservice": consent.Contract, "missiondeservicepublic": consent.PublicTask, "noadvertising": consent.NonCommercial, "sanspublicite": consent.NonCommercial,
}

// SpokenBasis finds a basis by its code or the common ways to write it. A bare "legitimate
// interest" is none of them: for advertising it says too little (ePrivacy 13).
func SpokenBasis(s string) (consent.Basis, bool) {
	b, known := spokenBases[folded(s)]
	return b, known && b.Known()
}
