// SPDX-License-Identifier: AGPL-3.0-or-later

package people_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
	"consend/internal/trace"
)

func TestAnAttributeIsDeclaredAndASensitiveNameIsAskedAbout(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.post("/attributes/new", "name", "Ville", "type", "choice", "label", "City", "choices", "Lyon\nLille", "keep_days", "365", "purpose", "Events nearby")
		contains(t, o.get("/attributes"), "VILLE", "City", "Events nearby", "365")
		contains(t, o.refused("/attributes/new", "name", "Allergies", "type", "text"), say(o, "This looks like health data: is it?", "une donnée de santé"))
		o.post("/attributes/new", "name", "Allergies", "type", "text", "sensitive", "yes", "purpose", "Events")
		page := o.get("/attributes")
		contains(t, page, say(o, "Nothing allows it yet", "Rien ne le permet encore"))
		id := regexp.MustCompile(`/attributes/(\d+)"[^>]*>ALLERGIES`).FindStringSubmatch(page)
		if id == nil {
			t.Fatal("no link to the attribute")
		}
		path := "/attributes/" + id[1]
		contains(t, o.refused(path, "version", "99", "sensitive", "yes", "special", "member"), say(o, "Somebody else", "entre-temps"))
		o.post(path, "version", "1", "sensitive", "yes", "special", "member", "keep_days", "")
		contains(t, o.get("/attributes"), say(o, "Our members", "Nos membres"))
		o.refused(path, "keep_days", "many")
		o.declare("ALLERGIES", func(a *contact.Attribute) { a.KeepDays = 30 })
		contains(t, o.get(path), say(o, "Deleted 30 days after it was last noted", "Supprimé 30 jours après"), say(o, "The first ones on", "Les premières le"))
		o.Clock.Advance(8 * 24 * time.Hour)
		contains(t, o.get(path), say(o, "of 0 people", "0 personne"))
		o.declare("ALLERGIES", func(a *contact.Attribute) { a.KeepDays = 0 })
		o.post(path+"/turn", "do", "retire")
		o.post(path+"/turn", "do", "restore")
		var all []contact.Attribute
		if err := o.Main.View(t.Context(), o.who, func(v *store.View) (err error) { all, err = contact.AllAttributes(v); return err }); err != nil {
			t.Fatal(err)
		}
		if len(all) != 2 || all[0].Special != contact.OfMembers || all[1].KeepDays != 365 || len(all[1].Choices) != 2 {
			t.Errorf("%+v", all)
		}
	})
}

func TestSeveralChoicesAreTickedAndOneNoLongerOfferedStays(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.post("/attributes/new", "name", "Gouts", "type", "multiple", "label", "Tastes", "choices", "rouge\nblanc\nrosé, brut", "purpose", "Events")
		o.post("/attributes/new", "name", "Ville", "type", "choice", "choices", "Lyon\nLille", "purpose", "Events")
		id := o.person("lea@example.org")
		path := fmt.Sprintf("/contacts/%d/correct", id)
		contains(t, o.get(path), "Tastes", `type="checkbox" name="attr.GOUTS"`)
		o.post(path, "attr.GOUTS", "", "attr.GOUTS", "blanc", "attr.GOUTS", "rosé, brut", "attr.VILLE", "Lyon")
		o.declare("GOUTS", func(a *contact.Attribute) { a.Choices = contact.Choices{"rouge", "rosé, brut"} })
		o.declare("VILLE", func(a *contact.Attribute) { a.Choices = contact.Choices{"Lille"} })
		contains(t, o.get(path), `value="blanc" checked`, `value="Lyon" selected`)
		o.post(path, "attr.GOUTS", "", "attr.GOUTS", "blanc", "attr.GOUTS", "rouge", "attr.VILLE", "Lyon")
		has := o.contact(id).Attributes
		if s := has["GOUTS"].Several(); !slices.Equal(s, []string{"rouge", "blanc"}) || has["VILLE"].Raw() != "Lyon" {
			t.Errorf("%q, %q", s, has["VILLE"].Raw())
		}
		contains(t, o.refused(path, "attr.GOUTS", "", "attr.GOUTS", "noir"), "noir", say(o, "is none of the choices", "n’est pas l’un des choix"))
		o.post(path, "attr.GOUTS", "", "attr.VILLE", "")
		if has := o.contact(id).Attributes; len(has) != 0 {
			t.Errorf("%d values are left", len(has))
		}
	})
}

func TestWhatMayDescribeNobodyIsNamedWhereASegmentIsBuilt(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.post("/attributes/new", "name", "Syndicat", "type", "text", "sensitive", "yes", "purpose", "Events")
		contains(t, o.get("/segments/new"), say(o, "Not offered as a condition", "Pas proposé comme condition"), ">SYNDICAT</a>")
		o.declare("SYNDICAT", func(a *contact.Attribute) { a.Sensitive, a.Special = contact.Declared, contact.OfMembers })
		if strings.Contains(o.get("/segments/new"), say(o, "Not offered as a condition", "Pas proposé comme condition")) {
			t.Error("it may be asked for now")
		}
	})
}

// declare changes what is said of an attribute.
func (o *office) declare(name string, change func(*contact.Attribute)) {
	o.t.Helper()
	must(o.t, o.Main.Write(context.Background(), o.who, func(tx *store.Tx) error {
		all, err := contact.EveryAttribute(tx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(a contact.Attribute) bool { return a.Name == name })
		change(&all[i])
		return contact.ChangeAttribute(tx, all[i].ID, 0, all[i])
	}))
}

func (o *office) contact(id int64) (c contact.Contact) {
	o.t.Helper()
	must(o.t, o.Main.View(context.Background(), o.who, func(v *store.View) (err error) { c, err = contact.Get(v, id); return err }))
	return c
}

// What is noted about people has a purpose (GDPR 5(1)(b)): by hand it is asked for at once, after an import on the page.
func TestAnAttributeHasAPurpose(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		contains(t, o.refused("/attributes/new", "name", "Shoe", "type", "number"), `id="f-purpose-error"`)
		open := say(o, ">Say what for<", ">Dites pour quoi<")
		o.post("/attributes/new", "name", "Shoe", "type", "number", "purpose", "Offers that fit")
		if strings.Contains(o.get("/attributes"), open) {
			t.Error("asked, though it is said")
		}
		o.write(o.who, func(tx *store.Tx) error { // as an import does
			_, err := contact.EnsureAttributes(tx, []contact.Attribute{{Name: "HAT", Type: contact.TypeText}})
			return err
		})
		contains(t, o.get("/attributes"), open)
	})
}

// A segment's file says of nobody that they may be written to whom no list has.
func TestASegmentsFileTakesANoAlong(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.person("on@example.org")
		left := o.person("left@example.org")
		o.write(o.who, func(tx *store.Tx) error {
			_, err := contact.Ensure(tx, []contact.New{{Email: address.Must("never@example.org"), Source: "form", Language: "fr"}})
			if err == nil {
				_, err = consent.Apply(tx, []consent.Event{{Contact: left, List: o.news, Kind: consent.Withdraw, Source: "member"}})
			}
			return err
		})
		both, barred := o.person("both@example.org"), o.person("barred@example.org")
		o.write(o.who, func(tx *store.Tx) error {
			if _, err := consent.Apply(tx, []consent.Event{{Contact: both, List: o.offers, Kind: consent.Withdraw, Source: "member"}}); err != nil {
				return err
			}
			return consent.Suppress(tx, barred, consent.ByMember, consent.Scope{Reach: consent.OneList, ID: o.news})
		})
		file := func(to string) (string, map[string]string) {
			_, body, _ := o.ask("POST", to+"/export", url.Values{"how": {"none"}})
			rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff"))).ReadAll()
			must(t, err)
			got := map[string]string{}
			for _, r := range rows[1:] {
				got[r[0]] = strings.Join(r[4:7], "|")
			}
			return body, got
		}
		body, got := file(o.post("/segments/new", "name", "En français", "m0", "all", "w1", "language", "c1", "is", "v1", "fr", "g1", "0"))
		if want := map[string]string{"on@example.org": "active|News|", "left@example.org": "unsubscribed||News", "never@example.org": "unconfirmed||",
			"both@example.org": "mixed|News|Offers", "barred@example.org": "unsubscribed||News"}; !maps.Equal(got, want) {
			t.Errorf("%v", got)
		}
		// Brought into the list that one of them left, it puts only those there whom it calls active, and describes nobody by its lists.
		sum, err := importer.Run(context.Background(), o.Main, o.who, importer.Order{Name: "segment.csv", Kind: importer.Site, List: "Offers", Purpose: "Newsletter", Basis: consent.ByConsent,
			From: "2026-01-01", To: "2026-02-27", DeclaredBy: o.who.ID, Options: importer.Options{Existing: importer.Replace},
			Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }}, nil)
		must(t, err)
		if c := o.contact(both); sum.Mailable != 1 || sum.Left != 2 || sum.Refused != 2 || len(c.Attributes) != 0 {
			t.Errorf("%+v %+v", sum, c)
		}
		// A segment of one list says how people stand on that list.
		_, got = file(o.post("/segments/new", "name", "Offers", "m0", "any", "w1", fmt.Sprintf("list:%d", o.offers), "c1", "on", "g1", "0", "w2", "language", "c2", "is", "v2", "fr", "g2", "0"))
		if got["both@example.org"] != "unsubscribed|News|Offers" || !strings.HasPrefix(got["on@example.org"], "active|") {
			t.Errorf("%v", got)
		}
	})
}

func TestASegmentsFileHoldsItsPeopleAndNoFormulaAndEveryoneInItWasLookedAt(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.declared(contact.Attribute{Name: "GOUTS", Type: contact.TypeMultiple, Choices: contact.Choices{"rouge", "blanc, sec"}}, contact.Attribute{Name: "NOTE", Type: contact.TypeText},
			contact.Attribute{Name: "POINTS", Type: contact.TypeNumber}, contact.Attribute{Name: "ALLERGIES", Type: contact.TypeText})
		var ids []int64
		for i, s := range []string{"a", "b", "c", "d"} {
			ids = append(ids, o.person(s+"@example.org"))
			o.post(fmt.Sprintf("/contacts/%d/correct", ids[i]), "country", "FR", "attr.NOTE", "=1+1", "attr.POINTS", "-5", "attr.GOUTS", "rouge", "attr.GOUTS", "blanc, sec", "attr.ALLERGIES", "noix")
		}
		o.post(fmt.Sprintf("/contacts/%d/object", ids[1]), "how", "letter", "on", "2026-03-02")
		o.write(o.who, func(tx *store.Tx) error { return contact.Restrict(tx, ids[2], "dispute") })
		o.post(fmt.Sprintf("/contacts/%d/correct", ids[3]), "country", "BE")
		to := o.post("/segments/new", "name", "France", "m0", "all", "w1", "country", "c1", "is", "v1", "FR", "g1", "0")
		contains(t, o.get(to), to+"/export")
		// While conditions are written they are counted, and nobody is shown.
		const typed = "/segments/new?m0=all&w1=country&c1=is&g1=0&do=number&v1="
		counting := o.get(typed + "FR")
		contains(t, counting, say(o, "3 people", "3 personnes"))
		lacks(t, counting, "a@example.org")
		contains(t, o.get(typed), say(o, "Counted as soon as", "Compté dès que"))
		code, body, _ := o.ask("POST", to+"/export", url.Values{"how": {"none"}})
		if code != 200 {
			t.Fatalf("%d: %s", code, body)
		}
		contains(t, o.refused(to+"/export", "how", "passphrase", "passphrase", "short"), say(o, "A passphrase has 12", "Une phrase secrète compte de 12"))
		contains(t, o.refused(to+"/export", "how", "key", "key", "age1no"), say(o, "no public key of age", "pas une clé publique age"))
		code, closed, _ := o.ask("POST", to+"/export", url.Values{"x": {"1"}})
		if contains(t, closed, say(o, "How the file leaves", "Comment le fichier part")); code != 200 {
			t.Errorf("asked how: %d", code)
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff"))).ReadAll()
		must(t, err)
		want := [][]string{{"email", "name", "language", "country", "status", "subscribed_to", "unsubscribed_from", "GOUTS", "NOTE", "POINTS"},
			{"a@example.org", "", "", "FR", "active", "News", "", `["rouge","blanc, sec"]`, "'=1+1", "-5"}, {"b@example.org", "", "", "FR", "blocked", "", "News", `["rouge","blanc, sec"]`, "'=1+1", "-5"}}
		if !slices.EqualFunc(rows, want, slices.Equal[[]string]) {
			t.Errorf("%q", rows)
		}
		// Brought back as it left, it changes nobody.
		was := o.contact(ids[0])
		sum, err := importer.Run(context.Background(), o.Main, o.who, importer.Order{Name: "segment.csv", Kind: importer.Site, List: "News", Purpose: "Newsletter", Basis: consent.ByConsent,
			From: "2026-01-01", To: "2026-02-27", DeclaredBy: o.who.ID, Options: importer.Options{Existing: importer.Replace},
			Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }}, nil)
		must(t, err)
		if now := o.contact(ids[0]); sum.Rows != 2 || now.Version != was.Version || now.Attributes["NOTE"].Raw() != "=1+1" {
			t.Errorf("%+v: %+v", sum, now)
		}
		must(t, o.Main.View(context.Background(), o.who, func(v *store.View) error {
			for id, n := range map[int64]int{ids[0]: 1, ids[1]: 1, ids[2]: 0, ids[3]: 0} {
				looks, err := testhouse.Looks(v, id)
				looks = slices.DeleteFunc(looks, func(e trace.Entry) bool { return e.Object != "segment" })
				if err != nil || len(looks) != n {
					t.Errorf("%d was looked at %d times: %v", id, len(looks), err)
				}
			}
			taken, err := trace.Search(v, trace.Question{Action: "segment.export"})
			if len(taken) != 1 || taken[0].Fields()["people"] != "3" {
				t.Errorf("%+v", taken)
			}
			return err
		}))
		o.role = "editor"
		if code, _, _ := o.ask("POST", to+"/export", url.Values{"how": {"none"}}); code != 403 {
			t.Errorf("an editor takes it: %d", code)
		}
	})
}

func (o *office) declared(all ...contact.Attribute) {
	o.t.Helper()
	o.write(o.who, func(tx *store.Tx) error { _, err := contact.EnsureAttributes(tx, all); return err })
}
