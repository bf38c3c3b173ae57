// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"strings"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
)

// What listmonk's export knows of a person in one cell is offered as attributes, each of the type its values have.
func TestListmonksAttributesAreColumnsOfTheirOwn(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		file := "uuid,email,name,attributes,status,created_at,updated_at\n" +
			"u,a@example.org,Ada,\"{\"\"city\"\": \"\"Évry\"\", \"\"score\"\": 12, \"\"tags\"\": [\"\"red\"\", \"\"white\"\"], \"\"vip\"\": true}\",enabled,2024-01-02,2024-01-02\n" +
			"v,b@example.org,Bo,\"{\"\"city\"\": \"\"Lyon\"\", \"\"score\"\": 3.5, \"\"tags\"\": [\"\"red\"\"], \"\"vip\"\": false, \"\"deep\"\": {\"\"x\"\": 1}}\",enabled,2024-01-02,2024-01-02\n" +
			"w,c@example.org,Cy,\"{\"\"city\"\": \"\"Lille\"\", \"\"tags\"\": [\"\"white\"\"]}\",enabled,2024-01-02,2024-01-02\n" +
			"x,d@example.org,Di,oops,enabled,2024-01-02,2024-01-02\n"
		id, err := importer.Receive(context.Background(), s.Main, s.owner, "subscribers.csv", strings.NewReader(file))
		must(t, err)
		var i importer.Import
		s.view(t, func(v *store.View) (err error) { i, err = importer.Get(v, id); return err })
		if i.Shape != importer.Listmonk || i.Survey.Rows != 4 || i.Survey.Broken != 1 || i.Size != int64(len(file)) {
			t.Errorf("%s, %d rows, %d broken", i.Shape, i.Survey.Rows, i.Survey.Broken)
		}
		want := map[string]contact.Type{"CITY": contact.TypeText, "SCORE": contact.TypeNumber, "TAGS": contact.TypeMultiple, "VIP": contact.TypeBoolean, "DEEP": contact.TypeText}
		got := map[string]contact.Type{}
		for _, c := range i.Mapping {
			if c.To == importer.Attribute {
				got[c.Attribute] = c.Type
			}
		}
		for name, typ := range want {
			if got[name] != typ {
				t.Errorf("%s is guessed as %q", name, got[name])
			}
		}
		if len(got) != len(want) {
			t.Errorf("%v", got)
		}
	})
}
