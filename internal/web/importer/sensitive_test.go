// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	people "consend/internal/people/importer"
	"consend/internal/testhouse"
)

// A column that sounds like data of GDPR 9 is asked about where it comes in; one of several choices needs no help to be mapped.
func TestWhatLooksSensitiveIsAskedAboutWhereItComesIn(t *testing.T) {
	ask := map[string]string{"en": "This looks like sensitive data (GDPR, article 9): is it?", "fr": "Cela ressemble à des données sensibles (RGPD, article 9)"}
	matter := map[string]string{"en": "(health data)", "fr": "(une donnée de santé)"}
	aim := map[string]string{"en": "2 attributes of this file have no purpose yet", "fr": "2 attributs de ce fichier n’ont pas encore de finalité"}
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for lang, words := range ask {
			d := settle(t, h, lang)
			name := "ALLERGIES_" + strings.ToUpper(lang)
			_, to := d.send("/import/new", "file", "a.csv", "email;"+name+";tags\na@example.org;noix;\"[\"\"vip\"\",\"\"shop\"\"]\"\n", nil, 303)
			id := d.id(to)
			at := func(s string) string { return fmt.Sprintf("/import/%d%s", id, s) }
			d.post(at("/check"), filled(d.get(at("/check"))), 303)
			page := d.get(at("/map"))
			if !strings.Contains(page, words) || !strings.Contains(page, matter[lang]) {
				t.Errorf("%s: the columns are not asked about", lang)
			}
			f := filled(page)
			if f.Get("type.2") != "multiple" {
				t.Errorf("%s: tags are mapped as %q", lang, f.Get("type.2"))
			}
			d.post(at("/map"), f, 303) // as it stands
			page = d.get(at("/origin?kind=site"))
			d.send(at("/origin"), "", "", "", with(filled(page), "where.site", "https://a.example/f", "from", "2024-01-01", "to", "2024-12-31"), 303)
			d.post(at("/options"), with(filled(d.get(at("/options"))), "list", fmt.Sprint(d.list), "declare", "1"), 303)
			if !strings.Contains(d.get(at("/summary")), words) {
				t.Errorf("%s: the summary does not ask", lang)
			}
			d.post(at("/start"), url.Values{}, 303)
			d.work(people.RunKind, id, people.Work)
			page = d.get(at(""))
			if !strings.Contains(page, words) || !strings.Contains(page, ">"+name+"</a>") {
				t.Errorf("%s: the report does not lead to the answer", lang)
			}
			if !strings.Contains(page, aim[lang]) || !strings.Contains(page, `href="/attributes"`) {
				t.Errorf("%s: the report does not ask what the attributes are for", lang)
			}
		}
	})
}
