// SPDX-License-Identifier: AGPL-3.0-or-later

package people_test

import (
	"regexp"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/people/contact"
)

func TestAnAttributeIsDeclaredAndASensitiveNameIsAskedAbout(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.post("/attributes/new", "name", "Ville", "type", "choice", "label", "City", "choices", "Lyon\nLille", "keep_days", "365", "purpose", "Events nearby")
		contains(t, o.get("/attributes"), "VILLE", "City", "Events nearby", "365")
		contains(t, o.refused("/attributes/new", "name", "Allergies", "type", "text"), say(o, "This looks like health data: is it?", "une donnée de santé"))
		o.post("/attributes/new", "name", "Allergies", "type", "text", "sensitive", "yes")
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
