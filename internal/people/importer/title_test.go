// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/consent"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
)

// A title above the headings is no heading, and no person: the columns are read by the row that names the address. Lines stay
// those of the file.
func TestATitleAboveTheHeadingsIsPassedOver(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		rows := []string{"Export clients du 12/03/2024||", "||", "Nom|E-mail|Newsletter", "Ada|yes@example.org|oui", "Bo|no@example.org|non", "Cy|nobody|oui"}
		for kind, receive := range map[string]func(s *shop) (int64, error){
			"csv": func(s *shop) (int64, error) {
				return importer.Receive(context.Background(), s.Main, s.owner, "people.csv", strings.NewReader(strings.ReplaceAll(strings.Join(rows, "\n"), "|", ";")))
			},
			"a blank line": func(s *shop) (int64, error) {
				return importer.Receive(context.Background(), s.Main, s.owner, "people.csv", strings.NewReader("\"Export clients\ndu 12/03/2024\"\n"+strings.ReplaceAll(strings.Join(rows[2:], "\n"), "|", ";")))
			},
			"xlsx": func(s *shop) (int64, error) {
				return importer.Receive(context.Background(), s.Main, s.owner, "people.xlsx", strings.NewReader(book(t, rows...)))
			},
			"paste": func(s *shop) (int64, error) {
				return importer.ReceivePaste(context.Background(), s.Main, s.owner, "pasted", strings.ReplaceAll(strings.Join(rows, "\n"), "|", "\t"), false)
			},
		} {
			t.Run(kind, func(t *testing.T) {
				s := open(t, h)
				id, err := receive(s)
				must(t, err)
				i := s.get(t, id)
				if !slices.Equal(i.Survey.Header, []string{"Nom", "E-mail", "Newsletter"}) || i.Survey.Rows != 3 || len(i.Mapping) != 3 || i.Mapping[2].To != importer.Status {
					t.Fatalf("%+v %+v", i.Survey, i.Mapping)
				}
				sample, err := importer.Sample(context.Background(), s.Main, s.owner, i)
				if err != nil || len(sample) != 3 || sample[0][1] != "yes@example.org" {
					t.Errorf("%q %v", sample, err)
				}
				s.prepared(t, id)
				s.write(t, func(tx *store.Tx) error { return importer.Begin(tx, id, false) })
				must(t, importer.Work(context.Background(), &job.Run{DB: s.Main, Ref: id, Who: s.owner}))
				if st := s.standing(t, "yes@example.org"); st.State != consent.Given {
					t.Errorf("%+v", st)
				}
				if st := s.standing(t, "no@example.org"); st.State == consent.Given {
					t.Errorf("%+v", st)
				}
				s.view(t, func(v *store.View) error {
					notes, err := importer.Notes(v, id, 0, 10)
					if err != nil || len(notes) != 1 || notes[0].Line != 6 {
						t.Errorf("%+v %v", notes, err)
					}
					return err
				})
			})
		}
		s := open(t, h)
		if sum := s.run(t, s.order(strings.ReplaceAll(strings.Join(rows, "\n"), "|", ";"))); sum.Rows != 3 || sum.Mailable != 1 || sum.Refused != 1 {
			t.Errorf("from the command line: %+v", sum)
		}
		for file, want := range map[string]string{ // the first row stays the headings
			"client;channel\nada@example.org;email\n":      "client",
			"nom;adresse\nx;ada@example.org\ncourriel;b\n": "nom",
			"email;note\nmail;x\n":                         "email",
			strings.Repeat("x;y\n", 12) + "nom;email\n":    "x",
		} {
			id, err := importer.Receive(context.Background(), s.Main, s.owner, "people.csv", strings.NewReader(file))
			must(t, err)
			if i := s.get(t, id); len(i.Survey.Header) == 0 || i.Survey.Header[0] != want {
				t.Errorf("%q: %q", file, i.Survey.Header)
			}
		}
	})
}

// Another sheet has its headings where they stand there.
func TestATitleOnOneSheetSaysNothingOfAnother(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		i := s.ready(t, "Export;\n;\nemail;nom\na@example.org;Ada\n")
		if i.Survey.Rows != 1 {
			t.Fatalf("%+v", i.Survey)
		}
		f := i.Format
		f.Header = false
		survey, err := importer.Resurvey(context.Background(), s.Main, s.owner, i, f)
		if err != nil || survey.Rows != 4 || survey.Format.Above != 0 {
			t.Errorf("%+v %v", survey, err)
		}
	})
}
