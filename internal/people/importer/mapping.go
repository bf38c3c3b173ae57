// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/importer/sheet"
)

// Field is what a column of the file is about.
type Field string

// The fields a column can be mapped to.
const (
	Skip         Field = ""
	Email        Field = "email"
	FullName     Field = "name"
	FirstName    Field = "first_name"
	LastName     Field = "last_name"
	Language     Field = "language"
	Country      Field = "country"
	Attribute    Field = "attribute"
	ConsentAt    Field = "consent_at"    // when the person said yes
	ConfirmAt    Field = "confirm_at"    // when the mailbox confirmed it; goes before ConsentAt
	ConsentIP    Field = "consent_ip"    // from where
	ConfirmIP    Field = "confirm_ip"    //
	Source       Field = "source"        // the form, page or event, per row
	Wording      Field = "wording"       // the words the person saw
	Basis        Field = "basis"         // why this person may be written to; a blank is what the origin says
	Unsubscribed Field = "unsubscribed"  // a yes or a moment: the person left the list
	Blocked      Field = "blocked"       // a yes or a moment: on the other tool's do-not-mail list
	Motive       Field = "reason"        // why the person left, in the words of the other tool
	Bounced      Field = "bounced"       // a yes or a moment: the mailbox does not exist
	Status       Field = "status"        // a word: subscribed, unsubscribed, cleaned, bounced, complained
	Pending      Field = "pending"       // a yes: never confirmed there
	Confirmed    Field = "confirmed"     // a no: never confirmed there
	Complained   Field = "complained"    // a yes or a moment: called it spam
	Measures     Field = "measures"      // a word: may opens and clicks of this person be measured
	MeasuresAt   Field = "measures_at"   // when they answered that
	MeasuresBy   Field = "measures_by"   // where they were asked
	MeasuresText Field = "measures_text" // the words they saw
)

// Fields lists them in the order pages show them.
func Fields() []Field {
	return []Field{Email, FullName, FirstName, LastName, Language, Country, Attribute, ConsentAt, ConfirmAt, ConsentIP, ConfirmIP, Source, Wording, Basis, Unsubscribed, Motive, Blocked, Bounced, Complained, Pending, Confirmed, Status,
		Measures, MeasuresAt, MeasuresBy, MeasuresText}
}

// Evidence tells whether a field is proof of a yes or of a no: it goes into the ledger.
func (f Field) Evidence() bool {
	switch f {
	case ConsentAt, ConfirmAt, ConsentIP, ConfirmIP, Source, Wording, Basis, Unsubscribed, Motive, Blocked, Bounced, Complained, Pending, Confirmed, Measures, MeasuresAt, MeasuresBy, MeasuresText:
		return true
	}
	return false
}

// repeats tells whether several columns may be the same: a no in any of them is heard, and reasons stand one behind the other.
func (f Field) repeats() bool {
	switch f {
	case Unsubscribed, Motive, Blocked, Bounced, Complained, Pending, Confirmed, Status:
		return true
	}
	return false
}

// First and last name are kept as attributes too, so that a mail can say "Hello Ada".
const (
	FirstNameAttribute = "FIRSTNAME"
	LastNameAttribute  = "LASTNAME"
)

// Column says what one column of the file becomes.
type Column struct {
	To        Field        `json:"to,omitempty"`
	Attribute string       `json:"attribute,omitempty"` // name of the attribute, made on the way if it is new
	Type      contact.Type `json:"type,omitempty"`
	Month     bool         `json:"month,omitempty"`   // of dates such as 03/04/2026: the month stands first
	Collect   bool         `json:"collect,omitempty"` // of an attribute that this import made: its values become choices
}

// Mapping has a line for each column of the file, in its order.
type Mapping []Column

// acts is how many events of the ledger one row may be: its own, a form sent before the mailbox confirmed it, and what
// somebody who left had said yes to.
func (m Mapping) acts() int {
	has := func(some ...Field) bool {
		return slices.ContainsFunc(some, func(f Field) bool { return m.Index(f) >= 0 })
	}
	n := 1
	if has(ConsentAt, ConsentIP) && has(ConfirmAt, ConfirmIP) {
		n++
	}
	if has(ConsentAt, ConfirmAt) && has(Unsubscribed, Blocked, Complained, Bounced, Status) {
		n++
	}
	return n
}

// Index finds the column of a field, -1 when there is none.
func (m Mapping) Index(f Field) int {
	for i, c := range m {
		if c.To == f {
			return i
		}
	}
	return -1
}

// chooses tells whether the column's values are choices.
func (c Column) chooses() bool {
	return c.To == Attribute && (c.Type == contact.TypeChoice || c.Type == contact.TypeMultiple)
}

// MaxAttributes is how many attributes one import may bring.
const MaxAttributes = 100

// Check tells what can't be right. Faults belong to the fields "column.N" of the mapping page.
func (m Mapping) Check() error {
	var bad fault.Many
	if m.Index(Email) < 0 {
		bad = append(bad, fault.New(fault.Invalid, "import.mapping.no_email").At("column.0"))
	}
	taken, names, attributes := map[Field]bool{}, map[string]bool{}, 0
	for i, c := range m {
		at := "column." + itoa(i)
		switch {
		case c.To == Skip:
		case !known(c.To):
			bad = append(bad, fault.New(fault.Invalid, "import.mapping.unknown").At(at))
		case c.To == Attribute:
			attributes++
			name := contact.AttributeName(c.Attribute)
			if name == "" {
				bad = append(bad, fault.New(fault.Invalid, "import.mapping.attribute_name").At(at))
			} else if names[name] {
				bad = append(bad, fault.New(fault.Invalid, "import.mapping.attribute_twice", "attribute", name).At(at))
			}
			names[name] = true
			if !typed(c.Type) {
				bad = append(bad, fault.New(fault.Invalid, "import.mapping.type").At(at))
			}
		case taken[c.To] && !c.To.repeats():
			bad = append(bad, fault.New(fault.Invalid, "import.mapping.twice").At(at))
		}
		taken[c.To] = true
	}
	if taken[FullName] && (taken[FirstName] || taken[LastName]) {
		bad = append(bad, fault.New(fault.Invalid, "import.mapping.two_names").At("column."+itoa(m.Index(FullName))))
	}
	if attributes > MaxAttributes {
		bad = append(bad, fault.New(fault.Invalid, "import.mapping.attributes", "limit", MaxAttributes).At("column.0"))
	}
	return bad.Err()
}

func known(f Field) bool {
	for _, k := range Fields() {
		if f == k {
			return true
		}
	}
	return false
}

func typed(t contact.Type) bool {
	for _, k := range contact.Types() {
		if t == k {
			return true
		}
	}
	return false
}

// folded gives a heading as the dictionary below has it: small letters and digits only.
func folded(s string) string {
	name := contact.AttributeName(s)
	if i := strings.IndexFunc(s, func(c rune) bool { return c < 0x80 && (unicode.IsLetter(c) || unicode.IsDigit(c)) }); i >= 0 && s[i] <= '9' {
		name = strings.TrimPrefix(name, "A_") // a name begins with a letter
	}
	return strings.ToLower(strings.ReplaceAll(name, "_", ""))
}

// headings knows what columns are called in English, French and other tools' exports.
var headings = map[string]Field{
	"email": Email, "emailaddress": Email, "mail": Email, "emailadresse": Email, "adresseemail": Email, "adressemail": Email, "courriel": Email,
	"adressecourriel": Email, "adresseelectronique": Email, "emails": Email, "contactemail": Email, "subscriberemail": Email, "mel": Email,
	"name": FullName, "fullname": FullName, "nomcomplet": FullName, "contact": FullName, "contactname": FullName, "nometprenom": FullName, "nomprenom": FullName, "prenomnom": FullName,
	"firstname": FirstName, "prenom": FirstName, "fname": FirstName, "givenname": FirstName, "vorname": FirstName,
	"lastname": LastName, "nom": LastName, "lname": LastName, "surname": LastName, "familyname": LastName, "nomdefamille": LastName, "nachname": LastName,
	"language": Language, "langue": Language, "lang": Language, "locale": Language, "sprache": Language,
	"country": Country, "pays": Country, "cc": Country, "countrycode": Country, "codepays": Country, "land": Country,
	"optintime": ConsentAt, "optindate": ConsentAt, "consentdate": ConsentAt, "consenttime": ConsentAt, "consentat": ConsentAt, "consentedat": ConsentAt, "dateconsentement": ConsentAt,
	"datedeconsentement": ConsentAt, "dateduconsentement": ConsentAt, "dateoptin": ConsentAt, "signupdate": ConsentAt, "subscribedat": ConsentAt, "subscribedate": ConsentAt,
	"dateinscription": ConsentAt, "datedinscription": ConsentAt, "subscriptiondate": ConsentAt,
	"confirmtime": ConfirmAt, "confirmedat": ConfirmAt, "doubleoptintime": ConfirmAt, "doubleoptindate": ConfirmAt, "dateconfirmation": ConfirmAt, "datedeconfirmation": ConfirmAt, "confirmationdate": ConfirmAt,
	"optinip": ConsentIP, "consentip": ConsentIP, "signupip": ConsentIP, "ipinscription": ConsentIP, "ipaddress": ConsentIP, "ip": ConsentIP, "adresseip": ConsentIP,
	"confirmip": ConfirmIP, "ipconfirmation": ConfirmIP,
	"source": Source, "signupsource": Source, "optinsource": Source, "form": Source, "formulaire": Source, "signupform": Source, "provenance": Source, "origine": Source, "consentsource": Source,
	"consenttext": Wording, "textedeconsentement": Wording, "texteconsentement": Wording, "wording": Wording, "mention": Wording,
	"basis": Basis, "legalbasis": Basis, "lawfulbasis": Basis, "baselegale": Basis, "basejuridique": Basis, "fondementjuridique": Basis,
	"unsubscribed": Unsubscribed, "unsubtime": Unsubscribed, "unsubscribedat": Unsubscribed, "unsubscribedate": Unsubscribed, "desinscrit": Unsubscribed, "datedesinscription": Unsubscribed,
	"datededesinscription": Unsubscribed, "optout": Unsubscribed, "optouttime": Unsubscribed, "optoutdate": Unsubscribed, "desabonne": Unsubscribed,
	"blacklisted": Blocked, "emailblacklisted": Blocked, "blocklisted": Blocked, "emailblocklisted": Blocked, "blocklist": Blocked, "blacklist": Blocked, "donotmail": Blocked, "donotemail": Blocked,
	"cleantime": Bounced, "bouncedat": Bounced, "bouncetime": Bounced, "hardbounced": Bounced, "isexcludedfromcampaigns": Blocked, "exclusionfromcampaigns": Blocked, "excludedfromcampaigns": Blocked,
	"isunsubscribed": Unsubscribed, "listunsubscribed": Unsubscribed, "isspamcomplaining": Complained, "complainedat": Complained, "spamcomplaint": Complained, "isoptinpending": Pending, "unsubdate": Unsubscribed, "unsubreason": Motive, "unsubreasonother": Motive, "unsubscribereason": Motive, "motifdesinscription": Motive, "raisondesinscription": Motive, "motifdedesinscription": Motive,
	"subscribedip": ConsentIP, "subscriptionip": ConsentIP, "subscriptiontime": ConsentAt, "confirmationtime": ConfirmAt, "signupipaddress": ConsentIP, "optinipaddress": ConsentIP, "confirmedip": ConfirmIP, "confirmationip": ConfirmIP, "confirmipaddress": ConfirmIP, "lastsubscribedat": ConsentAt,
	"signupformname": Source, "formname": Source, "optinform": Source, "globalstatus": Status,
	"status": Status, "statut": Status, "subscriptionstatus": Status, "memberstatus": Status, "emailmarketing": Status, "emailmarketingstatus": Status, "etat": Status,
	"trackingconsent": Measures, "contactpixeltrackingconsent": Measures, "trackingconsentupdatedat": MeasuresAt, "trackingconsentat": MeasuresAt, "trackingconsenttime": MeasuresAt, "trackingconsentdate": MeasuresAt,
	// A no in every way people name it; of those that ask for a yes, a no in it is one too.
	"optedout": Unsubscribed, "emailoptout": Unsubscribed, "optoutemail": Unsubscribed, "hasoptedout": Unsubscribed, "hasoptedoutofemail": Unsubscribed, "optedoutofemail": Unsubscribed, "optoutat": Unsubscribed, "dateoptout": Unsubscribed, "datedoptout": Unsubscribed,
	"unsubscribe": Unsubscribed, "unsub": Unsubscribed, "unsubscribetime": Unsubscribed, "unsubscriptiondate": Unsubscribed, "desinscrite": Unsubscribed, "desinscription": Unsubscribed, "desabonnee": Unsubscribed, "desabonnement": Unsubscribed, "datedesabonnement": Unsubscribed, "datededesabonnement": Unsubscribed,
	"resilie": Unsubscribed, "resiliee": Unsubscribed, "resiliation": Unsubscribed, "dateresiliation": Unsubscribed, "datederesiliation": Unsubscribed,
	"donotcontact": Blocked, "dnc": Blocked, "nomail": Blocked, "noemail": Blocked, "donotsend": Blocked, "isblacklisted": Blocked, "isblocklisted": Blocked, "isblocked": Blocked, "blocked": Blocked, "bloque": Blocked, "bloquee": Blocked, "estbloque": Blocked, "listenoire": Blocked, "suppressed": Blocked, "excluded": Blocked, "exclu": Blocked, "exclue": Blocked,
	"opposition": Blocked, "oppositions": Blocked, "dateopposition": Blocked, "datedopposition": Blocked, "oppose": Blocked, "opposed": Blocked, "objection": Blocked, "objected": Blocked, "objectedat": Blocked, "nepluscontacter": Blocked, "necontacterplus": Blocked, "nepascontacter": Blocked, "neplusecrire": Blocked, "nepasecrire": Blocked,
	"bounced": Bounced, "isbounced": Bounced, "hardbounce": Bounced, "hardbouncedat": Bounced, "hardbouncedate": Bounced, "ishardbounced": Bounced, "bouncedate": Bounced, "npai": Bounced, "undeliverable": Bounced, "cleaned": Bounced, "emailinvalide": Bounced, "adresseinvalide": Bounced, "invalidemail": Bounced,
	"spam": Complained, "isspam": Complained, "spamreport": Complained, "spamreported": Complained, "markedasspam": Complained, "abuse": Complained, "abusereport": Complained, "complained": Complained, "complaint": Complained, "complaintdate": Complained, "plainte": Complained, "plaintespam": Complained,
	"unconfirmed": Pending, "nonconfirme": Pending, "nonconfirmee": Pending,
	"confirmed": Confirmed, "isconfirmed": Confirmed, "emailconfirmed": Confirmed, "optinconfirmed": Confirmed, "confirme": Confirmed, "confirmee": Confirmed, "estconfirme": Confirmed, "estconfirmee": Confirmed, "emailconfirme": Confirmed, "inscriptionconfirmee": Confirmed,
	"optin": Status, "optedin": Status, "optinemail": Status, "emailoptin": Status, "newsletter": Status, "newsletters": Status, "newsletteroptin": Status, "emailnewsletter": Status, "consent": Status, "consented": Status, "emailconsent": Status, "consentement": Status, "consentementemail": Status, "consentementmarketing": Status, "marketingconsent": Status, "emailmarketingconsent": Status,
	"gdprconsent": Status, "consentementrgpd": Status, "rgpd": Status, "gdpr": Status, "acceptsmarketing": Status, "acceptsemailmarketing": Status, "acceptsemail": Status, "marketingoptin": Status, "accepte": Status, "accepteemail": Status, "acceptemarketing": Status, "accepteemailing": Status, "subscribed": Status, "issubscribed": Status, "subscribe": Status, "abonne": Status, "abonnee": Status, "estabonne": Status,
	"abonnement": Status, "inscrit": Status, "inscrite": Status, "estinscrit": Status, "inscritnewsletter": Status, "abonnenewsletter": Status, "inscriptionnewsletter": Status, "inscription": Status, "mailinglist": Status,
	"desinscritle": Unsubscribed, "desinscritele": Unsubscribed, "desabonnele": Unsubscribed, "desabonneele": Unsubscribed, "datedesinscrit": Unsubscribed, "dateunsubscribed": Unsubscribed, "unsubscribedon": Unsubscribed, "dateunsubscribe": Unsubscribed, "dateofunsubscription": Unsubscribed,
	"radie": Unsubscribed, "radiee": Unsubscribed, "radiation": Unsubscribed, "dateradiation": Unsubscribed, "datederadiation": Unsubscribed, "radiele": Unsubscribed, "neveutplus": Unsubscribed, "stop": Unsubscribed, "stopmail": Unsubscribed, "stopemail": Unsubscribed, "stoppub": Blocked, "oppositionprospection": Blocked,
	"statutglobal": Status, "statutdelaliste": Status, "statutliste": Status, "statutmail": Status, "statutemail": Status, "statutabonne": Status, "statutabonnement": Status, "statutinscription": Status, "emailstatus": Status, "statusemail": Status, "mailstatus": Status, "liststatus": Status, "subscriberstatus": Status, "state": Status,
	"infolettre": Status, "infolettres": Status, "accordmail": Status, "accordemail": Status, "accordemailing": Status, "autorisationmail": Status, "autorisationemail": Status, "autorisationemailing": Status, "prospection": Status, "prospectionmail": Status, "prospectionemail": Status, "okmail": Status, "okemail": Status, "okemailing": Status, "oknewsletter": Status,
	"recevoirnosoffres": Status, "recevoiroffres": Status, "recevoirlesoffres": Status, "recevoirlanewsletter": Status, "recevoirnewsletter": Status, "recevoirnosmails": Status, "recevoirnosemails": Status,
	"listsstatus": Status, "subscriptionsstatus": Status, // of a file of JSON: see sheet
	"trackingconsentmethod": MeasuresBy, "trackingconsentsource": MeasuresBy, "trackingconsentcopy": MeasuresText, "trackingconsentwording": MeasuresText, "trackingconsenttext": MeasuresText,
}

// ofAddresses tells whether a heading is one of addresses.
func ofAddresses(heading string) bool { return headings[folded(heading)] == Email }

// named are the headings under which a status is a word and nothing else; under the others that lead to one it is an
// answer, and may be the moment of it.
var named = words("globalstatus status statut subscriptionstatus memberstatus emailmarketing emailmarketingstatus etat statutglobal statutdelaliste statutliste statutmail statutemail statutabonne statutabonnement statutinscription emailstatus statusemail mailstatus liststatus subscriberstatus state listsstatus subscriptionsstatus")

// several are headings that as often mean something else: where somebody lives, or gets off.
var several = words("state stop")

// loose are those that other tools give no column of their own: there too what it holds decides.
var loose = words("statutglobal statutdelaliste statutliste statutmail statutemail statutabonne statutabonnement statutinscription emailstatus statusemail mailstatus liststatus subscriberstatus state")

// stems are parts of headings of answers that no dictionary has whole, against those of a no, which may be told by its day,
// and channels those of answers about something else.
var (
	stems    = strings.Fields("optin optedin newsletter infolettre consent subscri abonn inscri marketing mailing emailing rgpd gdpr confirm accord autoris prospect recevoir okmail okemail statut contacter")
	against  = strings.Fields("unsub optout optedout desinscri desabonn blacklist blocklist bloque bounce spam abuse oppos objection donot nepas neplus neveut npai resili stop radie radiation refus")
	channels = strings.Fields("sms whatsapp phone telephone mobile postal tracking cookie")
)

// vague are words of a no that as often say something else: a letter, a switch, a time.
var vague = words("f off left never jamais")

// Unheard tells whether a no in a column that is kept as an attribute or left out would not be heard: its name says that it
// answers whether somebody may be written to, and what it holds is yes and no (or, of a no, its day); or it holds a no in
// words, whatever its name; or it has no name, and holds yes and no.
func (s Shape) Unheard(heading string, c Column, sample []string) bool {
	h := folded(heading)
	if c.To != Attribute && c.To != Skip || ballast[s][h] || s == MailPoet && h == "status" {
		return false
	}
	in := func(part string) bool { return strings.Contains(h, part) }
	knows := false
	switch headings[h] {
	case Unsubscribed, Blocked, Bounced, Complained, Pending, Confirmed, Status:
		knows = true
	}
	if !knows && slices.ContainsFunc(channels, in) {
		return false
	}
	no := slices.ContainsFunc(against, in) || knows && headings[h] != Confirmed && headings[h] != Status
	answers, says, noes := len(sample) > 0, false, false
	for _, v := range sample {
		word := folded(v)
		_, bare := readBool(v)
		_, day := readMoment(v, false, nil)
		_, other := readMoment(v, true, nil)
		against := statuses[word] != nothing && statuses[word] != unsure
		answers = answers && (bare || isStatus(v) || no && (day || other))
		says = says || against && !bare && !vague[word]
		noes = noes || against && !vague[word]
	}
	return says || answers && (knows || no || slices.ContainsFunc(stems, in) || h == "" && noes)
}

// Shape is the tool a file was exported from, found by its headings.
type Shape string

// The shapes that are recognised.
const (
	Plain     Shape = ""
	Brevo     Shape = "brevo"
	Mailchimp Shape = "mailchimp"
	Listmonk  Shape = "listmonk"
	Mailjet   Shape = "mailjet"
	MailPoet  Shape = "mailpoet"
)

var tools = map[Shape]string{Brevo: "Brevo", Mailchimp: "Mailchimp", Listmonk: "listmonk", Mailjet: "Mailjet", MailPoet: "MailPoet"}

// Tool is the tool's name as people know it.
func (s Shape) Tool() string { return tools[s] }

// known columns of other tools that say nothing about the person we'd keep: their ids,
// their guesses of place and zeal (GDPR 5(1)(c): not more than is needed).
var ballast = map[Shape]map[string]bool{
	Plain:     words("subscribedto unsubscribedfrom"), // of a segment's file, beside its status
	Mailchimp: words("memberrating latitude longitude gmtoff dstoff timezone region lastchanged leid euid unsubcampaigntitle unsubcampaignid cleancampaigntitle cleancampaignid"),
	Brevo:     words("contactid id addedtime modifiedtime createdat modifiedat listids extid smsblacklisted smsmarketing doubleoptin whatsappblacklisted"),
	Listmonk:  words("id uuid createdat updatedat lists attributes"),
	Mailjet:   words("id contactid createdat deliveredcount lastactivityat lastupdateat exclusionfromcampaignsupdatedat unsubscribedby listid listname"),
	MailPoet:  words("id subscriberid wpuserid createdat updatedat list lists segments tags linktoken engagementscore woocommerceuser"),
}

// own are the columns of a segment's file; the others are attributes.
var own = words("email name language country status subscribedto unsubscribedfrom")

func words(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// Recognise tells which tool's export a table is.
func Recognise(header []string) Shape {
	has := map[string]bool{}
	for _, h := range header {
		has[folded(h)] = true
	}
	switch {
	case has["leid"] && has["euid"], has["memberrating"] && has["optintime"]:
		return Mailchimp
	case has["uuid"] && has["email"] && has["status"] && (has["createdat"] || has["attributes"] || has["name"]):
		return Listmonk
	case has["subscribedip"] && has["confirmedip"], has["globalstatus"] && has["email"], has["liststatus"] && has["email"] && has["confirmationip"]:
		return MailPoet
	case has["email"] && (has["isexcludedfromcampaigns"] || has["exclusionfromcampaigns"] || has["excludedfromcampaigns"] || has["isunsubscribed"] && has["unsubscribedat"]):
		return Mailjet
	case has["email"] && has["emailblacklisted"] && (has["listids"] || has["smsblacklisted"]):
		return Brevo
	case has["email"] && (has["addedtime"] || has["modifiedtime"] || has["doubleoptin"]),
		has["email"] && has["optintime"] && (has["prenom"] || has["nom"] || has["firstname"] || has["lastname"] || has["sms"]):
		return Brevo
	}
	return Plain
}

// Guess maps what can be told from headings and the first rows. Whatever else there is
// becomes an attribute of the type its values have; empty and foreign columns are left out.
func Guess(header []string, width int, sample [][]string) (Shape, Mapping) {
	shape := Recognise(header)
	m := make(Mapping, width)
	taken, names := map[Field]bool{}, map[string]bool{}
	if shape == MailPoet && slices.ContainsFunc(header, func(h string) bool { return folded(h) == "globalstatus" }) {
		names["STATUS"] = true // the one of a single list says less
	}
	attribute := func(i int) {
		name := contact.AttributeName(header[i])
		if column := values(sample, i); name != "" && !names[name] && len(column) > 0 && len(names) < MaxAttributes {
			names[name] = true
			t, month := guessType(column)
			m[i] = Column{To: Attribute, Attribute: name, Type: t, Month: month}
		}
	}
	var others []int // named like an answer, and hold none
	ours := shape == Plain && slices.Contains(header, "subscribed_to") && slices.Contains(header, "unsubscribed_from")
	for i := range m {
		h := ""
		if i < len(header) {
			h = folded(header[i])
		}
		f, ok := headings[h]
		switch {
		case ours && !own[h]:
			attribute(i) // whatever its name means elsewhere
		case shape == MailPoet && h == "status" && names["STATUS"]:
		case shape == MailPoet && h == "liststatus":
			m[i].To = Status // who left the list alone has left; a column of a single tool's
		case ok && f == Confirmed && !answers(values(sample, i)): // when, or something else
			if t, _ := guessType(values(sample, i)); t == contact.TypeDate && !taken[ConfirmAt] {
				m[i].To, taken[ConfirmAt] = ConfirmAt, true
			} else {
				attribute(i)
			}
		case ok && f == Status && !named[h] && !answers(values(sample, i)):
			others = append(others, i)
		case ok && f == Status && named[h] && (shape == Plain || loose[h]) && !answers(values(sample, i)), several[h] && !plainly(values(sample, i)): // a status of another kind
			attribute(i)
		case ok && (!taken[f] || f.repeats()):
			m[i].To = f
			taken[f] = true
		case ballast[shape][h]:
		case h != "":
			if !ok {
				attribute(i)
			}
		}
		if m[i].To == ConsentAt || m[i].To == ConfirmAt || m[i].To == Unsubscribed || m[i].To == Blocked || m[i].To == Bounced || m[i].To == Complained || m[i].To == MeasuresAt {
			_, m[i].Month = guessType(values(sample, i))
		}
	}
	for _, i := range others { // the moment of a yes, where no column says so itself; or something else
		t, month := guessType(values(sample, i))
		if t != contact.TypeDate || taken[ConsentAt] {
			attribute(i)
			continue
		}
		m[i], taken[ConsentAt] = Column{To: ConsentAt, Month: month}, true
	}
	if !taken[Email] { // no heading says so: the column that looks like it
		best, most := -1, 0
		for i := range m {
			n := 0
			for _, v := range values(sample, i) {
				if sheet.HasAddress(v) {
					n++
				}
			}
			if n > most {
				best, most = i, n
			}
		}
		if best >= 0 {
			m[best] = Column{To: Email}
		}
	}
	if taken[FullName] && (taken[FirstName] || taken[LastName]) {
		m[m.Index(FullName)] = Column{} // the two parts say more
	}
	return shape, m
}

// again gives the mapping of a survey as an earlier file was told to be, nil when there is none. Which of day and month
// stands first is read from this one, where it tells.
func again(r store.Reader, except int64, s sheet.Survey, refusing bool) (Mapping, error) {
	m, _, err := recalled(r, except, s.Header, s.Width, refusing)
	for k := range m {
		column := values(s.Sample, k)
		monthly := func(month bool) bool {
			return !slices.ContainsFunc(column, func(v string) bool { _, ok := readMoment(v, month, nil); return !ok })
		}
		if day, month := monthly(false), monthly(true); len(column) > 0 && day != month {
			m[k].Month = month
		}
	}
	return m, err
}

// recalled gives what the columns of the newest file with the same headings were told to mean, and
// the name of that file; nil when there is none among the last imports. except is not looked at.
func recalled(r store.Reader, except int64, header []string, width int, refusing bool) (Mapping, string, error) {
	if len(header) == 0 || len(header) != width {
		return nil, "", nil
	}
	type mapped struct {
		ID                             int64
		Name, Survey, Mapping, Options string
	}
	before, err := store.All[mapped](r, lastMapped, 20)
	if err != nil {
		return nil, "", err
	}
	for _, b := range before {
		var i Import
		for text, into := range map[string]any{b.Survey: &i.Survey, b.Mapping: &i.Mapping, b.Options: &i.Options} {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				return nil, "", err
			}
		}
		if b.ID != except && i.Refusing() == refusing && len(i.Mapping) == width && slices.Equal(i.Survey.Header, header) {
			return i.Mapping, b.Name, nil
		}
	}
	return nil, "", nil
}

// Recalled names the earlier file whose columns this import's are read like; "" when they are not.
func Recalled(r store.Reader, i Import) (string, error) {
	m, name, err := recalled(r, i.ID, i.Survey.Header, i.Survey.Width, i.Refusing())
	if err != nil || !slices.EqualFunc(m, i.Mapping, func(a, b Column) bool { a.Month = b.Month; return a == b }) {
		return "", err
	}
	return name, nil
}

func values(sample [][]string, i int) []string {
	var out []string
	for _, r := range sample {
		if i < len(r) && strings.TrimSpace(r[i]) != "" {
			out = append(out, strings.TrimSpace(r[i]))
		}
	}
	return out
}

// answers tells whether there is a yes, a no or a status among values, or nothing yet.
func answers(values []string) bool {
	return len(values) == 0 || slices.ContainsFunc(values, func(v string) bool {
		return isStatus(v) || slices.ContainsFunc(strings.Split(v, ","), isStatus)
	})
}

// plainly tells whether there are values, and each is an answer or the day of one.
func plainly(values []string) bool {
	return len(values) > 0 && !slices.ContainsFunc(values, func(s string) bool {
		_, bare := readBool(s)
		_, day := readMoment(s, false, nil)
		_, other := readMoment(s, true, nil)
		return !bare && !day && !other && !isStatus(s)
	})
}

// guessType tells the narrowest type that fits every value.
func guessType(column []string) (t contact.Type, month bool) {
	if len(column) == 0 {
		return contact.TypeText, false
	}
	number, date, monthly, yes, several := true, true, true, true, true
	zero := false
	for _, v := range column {
		if _, ok := readNumber(v); !ok {
			number = false
		}
		if len(v) > 1 && v[0] == '0' && v[1] != '.' && v[1] != ',' || strings.HasPrefix(v, "+") {
			zero = true // 06 12 …, 01000: a phone number or a postcode, whose zero counts
		}
		if _, ok := readMoment(v, false, nil); !ok {
			date = false
		}
		if _, ok := readMoment(v, true, nil); !ok {
			monthly = false
		}
		if _, ok := readBool(v); !ok {
			yes = false
		}
		var words []string
		_, quoted := contact.Quoted(v)
		several = several && (quoted || v[0] == '[' && json.Unmarshal([]byte(v), &words) == nil)
	}
	switch {
	case several:
		return contact.TypeMultiple, false
	case yes && !number:
		return contact.TypeBoolean, false
	case date:
		return contact.TypeDate, false
	case monthly:
		return contact.TypeDate, true
	case number && !zero:
		return contact.TypeNumber, false
	}
	return contact.TypeText, false
}
