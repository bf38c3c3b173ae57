// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"testing"

	"consend/internal/people/consent"
	"consend/internal/testhouse"
)

// Where a column asks for a yes and some rows say it, a blank is no answer: its row waits, and is no no either.
func TestABlankIsNoYesWhereTheColumnAsksForOne(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for name, c := range map[string]struct {
			file     string
			mailable int64
			waits    int64
		}{
			"crosses":               {"Email;Prénom;Newsletter\na@example.org;Ada;x\nb@example.org;Bo;x\nc@example.org;Cy;\nd@example.org;Di;\n", 2, 2},
			"cells are missing":     {"Email;Prénom;Newsletter\na@example.org;Ada;x\nb@example.org\n", 1, 1},
			"days":                  {"email;optin\na@example.org;oui\nb@example.org;2024-02-03\nc@example.org;\n", 2, 1},
			"every row says it":     {"email;newsletter\na@example.org;oui\nb@example.org;non\n", 1, 0},
			"nobody answered":       {"email;newsletter\na@example.org;\nb@example.org;\n", 2, 0},
			"a yes beside":          {"email;newsletter;optin\na@example.org;;oui\nb@example.org;x;\nc@example.org;;\n", 2, 1},
			"subscribed beside":     {"email;newsletter;statut\na@example.org;;inscrit\nb@example.org;x;actif\nc@example.org;;actif\n", 2, 1},
			"confirmed beside":      {"email;newsletter;confirmé\na@example.org;;oui\nb@example.org;x;oui\n", 2, 0},
			"a moment of their own": {"email;newsletter;consent date\na@example.org;;2024-02-03\nb@example.org;x;\n", 2, 0},
			"a no beside":           {"email;newsletter;désinscrit\na@example.org;;oui\nb@example.org;x;\n", 1, 0},
			"a status is no answer": {"email;statut\na@example.org;\nb@example.org;inscrit\n", 2, 0},
			"a tool's own export":   {"EMAIL;EMAIL_BLACKLISTED;SMS_BLACKLISTED;OPT_IN\na@example.org;no;no;\nb@example.org;no;no;yes\n", 2, 0},
		} {
			t.Run(name, func(t *testing.T) {
				s := open(t, h)
				before, after, _ := s.carried(t, c.file, site, s.list)
				if m := after.Grades["A"] + after.Grades["B"] + after.Grades["C"] + after.Grades["D"]; m != c.mailable || after.Waits["answer_blank"] != c.waits || before.Waits["answer_blank"] != c.waits || after.Refused != 0 {
					t.Errorf("%+v\nand before %+v", after, before)
				}
			})
		}
		s := open(t, h)
		s.run(t, s.order("email;newsletter\nyes@example.org;x\nblank@example.org;\n"))
		if st := s.standing(t, "blank@example.org"); st.State != consent.Waiting {
			t.Errorf("%+v", st)
		}
		if b := s.bars(t, "blank@example.org"); len(b) != 0 {
			t.Errorf("a blank is a no: %+v", b)
		}
		if c := s.work(t, s.refusals(t, "email;newsletter\nno@example.org;non\nblank@example.org;\n", everywhere)); c.Refused != 0 || c.Fresh != 2 {
			t.Errorf("of refusals: %+v", c)
		}
	})
}
