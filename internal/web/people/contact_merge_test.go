// SPDX-License-Identifier: AGPL-3.0-or-later

package people_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
)

func TestTwoContactsAreComparedAndMergedByOnePress(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		kept, other := o.person("lea@example.org"), o.person("lea.old@example.org")
		o.write(o.who, func(tx *store.Tx) error {
			_, err := consent.Leave(tx, consent.Leaving{Contact: other, Scope: consent.Scope{Reach: consent.OneList, ID: o.offers}, Kind: consent.Withdraw, Source: "member"})
			return err
		})
		base := fmt.Sprintf("/contacts/%d", kept)
		contains(t, o.get(base), base+"/merge")
		contains(t, o.get(base+"/merge"), "lea@example.org", say(o, "Address of the other contact", "Adresse de l’autre contact"))
		for q, want := range map[string]string{"nobody@example.org": say(o, "No contact has this address", "Aucun contact n’a cette adresse"), "lea@example.org": say(o, "That is this very contact", "C’est ce contact lui-même"), "x": "x"} {
			code, page, _ := o.ask("GET", base+"/merge?q="+url.QueryEscape(q), nil)
			if contains(t, page, want); code != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", q, code)
			}
		}
		page := o.get(base + "/merge?q=" + url.QueryEscape("lea.old@example.org"))
		contains(t, page, "lea.old@example.org", say(o, "“Offers”: said no on", "refusé le"), say(o, "“News”: a yes for lea.old@example.org", "un oui pour lea.old@example.org"),
			say(o, "No button undoes this", "Aucun bouton ne permet de revenir"), fmt.Sprintf("/contacts/%d/merge?with=%d", other, kept))
		if n := o.looks(other); n != 1 {
			t.Errorf("%d looks at the other one are written down", n)
		}
		seen := regexp.MustCompile(`name="seen" value="([^"]+)"`).FindStringSubmatch(page)[1]
		o.write(o.voice, func(tx *store.Tx) error {
			_, err := consent.Leave(tx, consent.Leaving{Contact: other, Scope: consent.Scope{Reach: consent.OneList, ID: o.news}, Kind: consent.Withdraw, Source: "mail"})
			return err
		})
		page = o.refused(base+"/merge", "other", fmt.Sprint(other), "seen", seen)
		contains(t, page, say(o, "has changed since you opened this page", "a changé depuis l’ouverture"), say(o, "“News”: said no on", "refusé le"))
		seen = regexp.MustCompile(`name="seen" value="([^"]+)"`).FindStringSubmatch(page)[1]
		if to := o.post(base+"/merge", "other", fmt.Sprint(other), "seen", seen); to != base {
			t.Fatalf("leads to %s", to)
		}
		contains(t, o.get(base), say(o, "Merged into this contact", "Fusionnés avec ce contact"), "lea.old@example.org", say(o, "Unsubscribed", "Désinscrit"))
		stub := o.get(fmt.Sprintf("/contacts/%d", other))
		contains(t, stub, say(o, "This contact was merged into another one", "Ce contact a été fusionné avec un autre"), fmt.Sprintf(`href="%s"`, base))
		if strings.Contains(stub, "/correct") || strings.Contains(stub, "/merge") || !strings.Contains(stub, "/proof") {
			t.Error("a merged contact can be corrected, or its proof can't be had")
		}
		if strings.Contains(o.get("/contacts"), "lea.old@example.org") {
			t.Error("a merged contact stands in the table")
		}
		contains(t, o.get(base+"/activity"), say(o, "Another contact was merged into this one", "Un autre contact a été fusionné"), say(o, "by a merged contact", "par un contact fusionné"))
		contains(t, o.get(fmt.Sprintf("/contacts/%d/activity", other)), say(o, "Unsubscribed", "S’est désinscrite"), say(o, "Merged into another contact", "Fusionné avec un autre contact"))
		page = o.refused(base+"/merge", "other", fmt.Sprint(other), "seen", seen)
		contains(t, page, say(o, "merged into another contact before", "déjà été fusionné"))
	})
}

// A person's past is told whole, page by page, newest first, each thing once.
func TestATimelinePagesThroughEverythingOnce(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id := o.person("lea@example.org")
		o.write(o.who, func(tx *store.Tx) error { // many at one moment
			for range 40 {
				if err := consent.Suppress(tx, id, consent.ByMember, consent.Scope{Reach: consent.OneList, ID: o.offers}); err != nil {
					return err
				}
			}
			return contact.Restrict(tx, id, "accuracy")
		})
		o.write(o.who, func(tx *store.Tx) error { // told in one act on many
			_, err := consent.RefuseSet(tx, []consent.Told{{Email: address.Must("lea@example.org"), Cause: consent.Imported, Scope: consent.Everything},
				{Email: address.Must("nobody@example.org"), Cause: consent.Imported, Scope: consent.Everything}}, 0)
			return err
		})
		rows, pages, path := 0, 0, fmt.Sprintf("/contacts/%d/activity?size=25", id)
		next := regexp.MustCompile(`href="([^"]*after=[^"]*)"`)
		text := ""
		for path != "" && pages < 9 {
			page := o.get(path)
			text += page
			rows += strings.Count(page, "<time") // one moment a line
			pages++
			path = ""
			for _, m := range next.FindAllStringSubmatch(page, -1) {
				path = m[1]
			}
		}
		// 40 suppressions, a freeze, the set, asked and confirmed, and the beginning.
		if rows != 45 || pages != 2 {
			t.Errorf("%d things on %d pages", rows, pages)
		}
		contains(t, text, say(o, "Added", "Ajoutée"), say(o, "Frozen", "Gelée"))
		contains(t, o.get(fmt.Sprintf("/contacts/%d/messages", id)), say(o, "Nothing was written to this person yet", "Rien n’a encore été écrit"))
	})
}
