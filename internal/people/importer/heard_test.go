// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
)

// Under any usual heading a no is heard, however it is written, and before a yes in another column.
func TestANoIsHeardInEveryUsualColumn(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		file := "email,accepts_marketing,subscribed,do_not_contact,consent_date,source\nno@example.org,no,no,yes,2024-02-03,https://a.example\nyes@example.org,yes,yes,no,2024-02-03,https://a.example\n"
		if sum := s.run(t, s.order(file)); sum.Mailable != 1 || sum.Grades["B"] != 1 {
			t.Errorf("%+v", sum)
		}
		if st := s.standing(t, "no@example.org"); st.State == consent.Given {
			t.Errorf("%+v", st)
		}
		k := 0
		hear := func(heading, yes, no string) {
			k++
			file := fmt.Sprintf("email;%s;newsletter\nyes%d@example.org;%s;oui\nno%d@example.org;%s;oui\n", heading, k, yes, k, no)
			s.run(t, s.order(file))
			if st := s.standing(t, fmt.Sprintf("yes%d@example.org", k)); st.State != consent.Given {
				t.Errorf("%s: %q is no yes: %+v", heading, yes, st)
			}
			if st := s.standing(t, fmt.Sprintf("no%d@example.org", k)); st.State == consent.Given || st.State == consent.Waiting {
				t.Errorf("%s: %q is not heard: %+v", heading, no, st)
			}
		}
		for i, heading := range strings.Fields("opposition opted_out email_opt_out is_blacklisted bloque Bloqué hard_bounce NPAI spam abuse date_optout ne_plus_contacter Ne-plus-contacter Résilié resilie do_not_contact") {
			no := []string{"yes", "oui", "vrai", "1", "x", "2024-03-04"}[i%6]
			hear(heading, []string{"no", "", "non", "faux", "0", "NULL"}[i%6], no)
		}
		for i, heading := range strings.Fields("optin OPT_IN consent Consentement subscribed abonné abonne marketing_consent accepts_marketing opt-in") {
			hear(heading, []string{"yes", "oui", "o", "y", "vrai", "true", "1"}[i%7], []string{"no", "non", "n", "N", "FAUX", "false", "0"}[i%7])
		}
		hear("Opt In", "Yes", "No")
		for i, heading := range strings.Fields("confirmed Confirmé is_confirmed") { // who never confirmed said neither
			sum := s.run(t, s.order(fmt.Sprintf("email;%s\nkept%d@example.org;oui\nnever%d@example.org;non\n", heading, i, i)))
			if _, here := s.person(t, fmt.Sprintf("never%d@example.org", i)); here || sum.Refused != 1 {
				t.Errorf("%s: %v %+v", heading, here, sum)
			}
			if st := s.standing(t, fmt.Sprintf("kept%d@example.org", i)); st.State != consent.Given {
				t.Errorf("%s: %+v", heading, st)
			}
		}
	})
}

// A column named like an answer may hold the moment of the yes, or something else: neither is a no, and neither is lost.
func TestAColumnNamedLikeAnAnswerIsReadByWhatItHolds(t *testing.T) {
	for values, want := range map[string]importer.Column{
		"yes no":                {To: importer.Status},
		"oui 2024-01-02":        {To: importer.Status},
		"":                      {To: importer.Status},
		"2024-01-02 2024-02-03": {To: importer.ConsentAt},
		"12/31/2024 2024-02-03": {To: importer.ConsentAt, Month: true},
		"Weekly Monthly":        {To: importer.Attribute, Attribute: "OPTIN", Type: contact.TypeText},
	} {
		var sample [][]string
		for _, v := range strings.Fields(values) {
			sample = append(sample, []string{"a@example.org", v})
		}
		if _, m := importer.Guess([]string{"email", "optin"}, 2, sample); m[1] != want {
			t.Errorf("%s: %+v", values, m[1])
		}
	}
	when := [][]string{{"a@example.org", "2024-01-02"}, {"b@example.org", ""}}
	if _, m := importer.Guess([]string{"email", "confirmed"}, 2, when); m[1].To != importer.ConfirmAt {
		t.Errorf("confirmed, with moments: %+v", m)
	}
	dated := [][]string{{"a@example.org", "2024-01-02", "2024-01-03"}}
	if _, m := importer.Guess([]string{"email", "optin", "consent date"}, 3, dated); m[1].To != importer.Attribute || m[2].To != importer.ConsentAt {
		t.Errorf("the column that says so itself doesn't go before: %+v", m)
	}
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		sum := s.run(t, s.order("email;optin;source\nword@example.org;oui;https://a.example\nday@example.org;2024-01-02;https://a.example\nodd@example.org;perhaps;https://a.example\n"))
		if sum.Grades["B"] != 1 || sum.Grades["D"] != 1 || sum.Waiting != 1 {
			t.Errorf("%+v", sum)
		}
	})
}

// Of a column of yes and no that is kept as an attribute, or left out, the mapping page is warned.
func TestAnAnswerThatIsNoStatusIsUnheard(t *testing.T) {
	for heading, want := range map[string]bool{"client_opt_in_fr": true, "newsletter": true, "Désabonné 2023": true, "confirmed": true, "pays": false, "loyal": false, "SMS opt-in": false, "SMS_BLACKLISTED": false} {
		if got := importer.Brevo.Unheard(heading, importer.Column{To: importer.Attribute}, []string{"oui", "No"}); got != want {
			t.Errorf("%s: %v", heading, got)
		}
	}
	if importer.Plain.Unheard("newsletter", importer.Column{}, []string{"Weekly", "no"}) || importer.Plain.Unheard("newsletter", importer.Column{To: importer.Status}, []string{"no"}) || !importer.Plain.Unheard("newsletter", importer.Column{}, []string{"no"}) {
		t.Error("not by what it holds and means")
	}
}

// More headings of a no, of a status and of a yes; a column of that name that holds something else stays what it is.
func TestAClearNoIsHeardUnderEveryHeadingThatSaysSo(t *testing.T) {
	guess := func(heading string, values ...string) importer.Column {
		var sample [][]string
		for _, v := range values {
			sample = append(sample, []string{"a@example.org", v})
		}
		_, m := importer.Guess([]string{"email", heading}, 2, sample)
		return m[1]
	}
	for _, heading := range []string{"Statut global", "Statut de la liste", "Statut mail", "Email status", "State"} {
		if c := guess(heading, "inscrit", "désinscrit"); c.To != importer.Status {
			t.Errorf("%s: %+v", heading, c)
		}
		if c := guess(heading, "Ontario", "Québec"); c.To != importer.Attribute {
			t.Errorf("%s of something else: %+v", heading, c)
		}
	}
	if c := guess("State", "ON", "QC"); c.To != importer.Attribute {
		t.Errorf("where they live: %+v", c)
	}
	for _, heading := range []string{"OK mail ?", "Accord mail", "Autorisation mail", "Prospection", "Infolettre", "Recevoir nos offres"} {
		if c := guess(heading, "oui", "non"); c.To != importer.Status {
			t.Errorf("%s: %+v", heading, c)
		}
	}
	for _, heading := range []string{"DESINSCRIT_LE", "Date Unsubscribed", "Date de radiation"} {
		if c := guess(heading, "2024-01-02", ""); c.To != importer.Unsubscribed {
			t.Errorf("%s: %+v", heading, c)
		}
	}
	for heading, to := range map[string]importer.Field{"Ne veut plus": importer.Unsubscribed, "Stop": importer.Unsubscribed, "Radié": importer.Unsubscribed, "Opposition prospection": importer.Blocked} {
		if c := guess(heading, "x", ""); c.To != to {
			t.Errorf("%s: %+v", heading, c)
		}
	}
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		for i, word := range strings.Split("refus|Refusé|refusée|STOP|stoppé|stoppée|ne plus contacter|Ne pas écrire|désinscrits|désabonnées|radié|radiée|bloqués|opposée", "|") {
			email := fmt.Sprintf("w%d@example.org", i)
			s.run(t, s.order("email;statut\nyes@example.org;inscrit\n"+email+";"+word+"\n"))
			if st := s.standing(t, email); st.State == consent.Given || st.State == consent.Waiting {
				t.Errorf("%s: %+v", word, st)
			}
		}
		s.run(t, s.order("email;Statut mail;DESINSCRIT_LE\nvalid@example.org;valide;\ngone@example.org;invalid;\nleft@example.org;valide;2024-01-02\n"))
		for email, given := range map[string]bool{"valid@example.org": true, "gone@example.org": false, "left@example.org": false} {
			if st := s.standing(t, email); (st.State == consent.Given) != given {
				t.Errorf("%s: %+v", email, st)
			}
		}
	})
}

// The mapping page warns of a no wherever it stands, and of nothing else.
func TestANoThatNobodyHearsIsWarnedOf(t *testing.T) {
	kept, none := importer.Column{To: importer.Attribute}, importer.Column{}
	for _, c := range []struct {
		heading string
		column  importer.Column
		values  string
		want    bool
	}{
		{"Divers", kept, "VIP|désinscrit", true},
		{"remarque", none, "ne plus contacter", true},
		{"Situation fiche", kept, "inscrit|désinscrit", true},
		{"Sa demande de radiation", none, "2024-01-02", true},
		{"Unsubscribed (old)", kept, "2024-01-02|2024-02-03", true},
		{"Accord écrit", kept, "oui|non", true},
		{"Infolettre du mois", kept, "oui|non", true},
		{"ok mail perso", kept, "oui|non", true},
		{"", none, "oui|non", true},
		{"", none, "oui|oui", false},
		{"", none, "Paris|non", false},
		{"Dernier achat newsletter", kept, "2024-01-02", false},
		{"pays", kept, "NO|FR", false},
		{"loyal", kept, "oui|non", false},
		{"sexe", kept, "F|M", false},
		{"radio", kept, "oui|non", false},
		{"dernier achat", kept, "jamais|2024-01-02", false},
		{"SMS status", kept, "unsubscribed", false},
		{"tracking", kept, "denied", false},
		{"Divers", importer.Column{To: importer.Status}, "désinscrit", false},
	} {
		if got := importer.Plain.Unheard(c.heading, c.column, strings.Split(c.values, "|")); got != c.want {
			t.Errorf("%q of %q: %v", c.heading, c.values, got)
		}
	}
}

// Mailchimp's file of who left says so of every row, and that of who bounced: known by its name, or by a moment in most
// rows. A file put together from several has a status, or rows without a moment that are of who stayed.
func TestMailchimpsFileOfWhoLeftIsHeardInEveryRow(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		for k, c := range []struct {
			name, column, status, cell string
			dated                      int // rows beside, with a moment
			given                      bool
		}{
			{"unsubscribed_email_audience_export_1.csv", "UNSUB_TIME", "NOTE", "x", 0, false},
			{"cleaned_email_audience_export_1.csv", "CLEAN_TIME", "NOTE", "x", 0, false},
			{"people.csv", "UNSUB_TIME", "NOTE", "x", 2, false},
			{"people.csv", "CLEAN_TIME", "NOTE", "x", 2, false},
			{"people.csv", "UNSUB_TIME", "NOTE", "x", 1, true},
			{"unsubscribed_or_not.csv", "UNSUB_TIME", "STATUS", "subscribed", 2, true},
		} {
			email := fmt.Sprintf("blank%d@example.org", k)
			file := "Email Address,MEMBER_RATING,OPTIN_TIME," + c.column + ",LEID,EUID," + c.status + "\n" + email + ",2,2024-01-02 10:00:00,,1,a," + c.cell + "\n"
			for n := range c.dated {
				file += fmt.Sprintf("gone%d.%d@example.org,2,2024-01-02 10:00:00,2024-05-06 07:08:09,1,a,%s\n", k, n, c.cell)
			}
			o := s.order(file)
			o.Name = c.name
			s.run(t, o)
			if st := s.standing(t, email); (st.State == consent.Given) != c.given {
				t.Errorf("%+v: %+v", c, st)
			}
		}
	})
}

// A column of reasons knows the words of our own screens.
func TestReasonsAreReadAsOurScreensSayThem(t *testing.T) {
	for word, want := range map[string]consent.Basis{"Said yes": consent.ByConsent, "A dit oui": consent.ByConsent, "Existing customer": consent.SoftOptIn, "Déjà client": consent.SoftOptIn, "Business contact": consent.B2B,
		"Contact professionnel": consent.B2B, "Needed for the service": consent.Contract, "Nécessaire au service": consent.Contract, "Membre": consent.Member, "Mission de service public": consent.PublicTask, "Sans publicité": consent.NonCommercial,
		"They signed up on our site": consent.ByConsent, "Elles ont acheté chez nous": consent.SoftOptIn, "Business contacts at work": consent.B2B} {
		if b, ok := importer.SpokenBasis(word); !ok || b != want {
			t.Errorf("%s: %q", word, b)
		}
	}
}

// Tags are choices as Mailchimp quotes them, and a name before an address is no heading.
func TestTagsAndNamedAddressesAreGuessed(t *testing.T) {
	if _, m := importer.Guess([]string{"email", "tags"}, 2, [][]string{{"a@example.org", `"VIP","Press, radio"`}, {"b@example.org", `"VIP"`}}); m[1].Type != contact.TypeMultiple {
		t.Errorf("%+v", m)
	}
	if ways := contact.Split(`"VIP","Press, radio"`); len(ways) != 1 || strings.Join(ways[0], "|") != "VIP|Press, radio" {
		t.Errorf("%q", ways)
	}
	if _, m := importer.Guess(nil, 2, [][]string{{"x", "Ada <a@b.example>"}}); m.Index(importer.Email) != 1 {
		t.Errorf("%+v", m)
	}
}

// A country is read by code or name; of one that isn't known the account's own does not decide alone.
func TestACountryIsReadOrItsRowWaits(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		countries := strings.Split("AT|AUT|Österreich|Autriche|Austria|DEU|République tchèque|Česko|Norway|Norge|España|ITALIA|Ελλάδα|België|Suomi|UK|XX|EU|Atlantis|", "|")
		want := strings.Split("AT|AT|AT|AT|AT|DE|CZ|CZ|NO|NO|ES|IT|GR|BE|FI|GB||||", "|")
		file := "email;pays\n"
		for i, c := range countries {
			file += fmt.Sprintf("a%d@example.org;%s\n", i, c)
		}
		work := importer.Origin{Kind: importer.Business, How: "gave", Where: "fair", Work: "they buy tools", From: "2024-01-01", To: "2024-12-31"}
		_, after, id := s.carried(t, file, work, s.list)
		if after.Waits["country_unclear"] != 3 {
			t.Errorf("%+v", after.Waits)
		}
		released := func(id int64, o importer.Origin, email string, want consent.Status) {
			t.Helper()
			s.write(t, func(tx *store.Tx) error { return importer.BeginRelease(tx, id, o, true) })
			must(t, importer.ReleaseWork(context.Background(), &job.Run{DB: s.Main, Ref: id, Who: s.owner}))
			if st := s.standing(t, email); st.State != want {
				t.Errorf("%s, released as %s: %+v", email, o.Kind, st)
			}
		}
		released(id, work, "a18@example.org", consent.Waiting) // whoever says it again doesn't know where they live
		released(id, site, "a18@example.org", consent.Given)   // a yes of their own holds everywhere
		// So does one that takes the place of a row's own reason.
		_, after, id = s.carried(t, "email;pays;legal basis\nrow@example.org;Atlantis;B2B\n", site, s.list)
		if after.Waits["country_unclear"] != 1 {
			t.Errorf("%+v", after.Waits)
		}
		released(id, site, "row@example.org", consent.Given)
		// What is said of why alone doesn't tell in which country.
		_, after, id = s.carried(t, "email;pays;legal basis\nboth@example.org;Atlantis;whatever\n", work, s.list)
		if after.Waits["basis_and_country_unclear"] != 1 {
			t.Errorf("%+v", after.Waits)
		}
		released(id, work, "both@example.org", consent.Waiting)
		released(id, site, "both@example.org", consent.Given)
		for i, w := range want {
			if p, _ := s.person(t, fmt.Sprintf("a%d@example.org", i)); p.Country != w {
				t.Errorf("%s: %q, want %q", countries[i], p.Country, w)
			}
		}
		if sum := s.run(t, s.order("email;pays\nyes@example.org;Atlantis\n")); sum.Waiting != 0 {
			t.Errorf("a yes holds everywhere: %+v", sum)
		}
	})
}

// A formula that failed is no value.
func TestACellWhoseFormulaFailedIsLeftOutWithARemark(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		sum := s.run(t, s.order("email;first name;city\na@example.org;#N/A;#REF!\nb@example.org;Bo;Lyon\n"))
		if p, _ := s.person(t, "a@example.org"); sum.Remarks != 2 || p.Name.Raw() != "" || p.Attributes["CITY"].Raw() != "" {
			t.Errorf("%+v %q %q", sum, p.Name.Raw(), p.Attributes["CITY"].Raw())
		}
	})
}
