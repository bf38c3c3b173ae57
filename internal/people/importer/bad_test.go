// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/people/importer/sheet"
	"consend/internal/testhouse"
)

// Each bad row costs itself alone, is named by its line, and has a remedy in both languages.
func TestBadRowsAreRefusedByLineWithARemedy(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		bad := []struct{ row, key string }{
			{"ada@example.org\x00;x;", "import.row.nul"},
			{"\"eve@example.org\r\nBcc: all@example.org\";x;", "address.line_break"},
			{"\"eve\rBcc:x@example.org\";x;", "address.line_break"},
			{"bob@localhost;x;", "address.domain_short"},
			{"=cmd|' /C calc'!A0;x;", "address.space"},
			{"a@b@example.org;x;", "address.at_many"},
			{";x;", "import.row.no_email"},
			{"many@example.org;x;y;z;stray", "import.row.too_many_cells"},
			{"wide@example.org" + strings.Repeat(";x", 10_000), "import.row.columns"},
			{"long@example.org;" + strings.Repeat("x", 40_000) + ";", "import.row.cell_long"},
			{"broken@example.org;\xff\xfe;", "import.row.encoding"},
		}
		var b strings.Builder
		b.WriteString("email;note;points\n")
		line, want := 2, map[int64]string{}
		for _, c := range bad {
			want[int64(line)] = c.key
			b.WriteString(c.row + "\n")
			line += 1 + strings.Count(c.row, "\n")
		}
		b.WriteString("jürgen@bücher.example;=1+1;12,5\nplain@example.org;ok;abc\n")
		sum := s.run(t, s.order(b.String()))
		if sum.Refused != int64(len(bad)) || sum.New != 2 {
			t.Errorf("%+v", sum)
		}
		s.view(t, func(v *store.View) error {
			notes, err := importer.Notes(v, sum.Import, -1, 100)
			for _, n := range notes {
				if n.Kind == "refused" && want[n.Line] != n.Reason {
					t.Errorf("line %d: %s, want %s", n.Line, n.Reason, want[n.Line])
				}
				for _, lang := range locale.Languages() {
					if w := n.Words(locale.For(lang, time.UTC)); w == "" || strings.Contains(w, n.Reason) || strings.Contains(w, "<no value>") || strings.Contains(w, "example") {
						t.Errorf("%s, line %d: %q", lang, n.Line, w)
					}
				}
				delete(want, n.Line)
			}
			return err
		})
		if len(want) > 0 {
			t.Errorf("not in the report: %v", want)
		}
		if c, ok := s.person(t, "jürgen@bücher.example"); !ok || c.Attributes["NOTE"].Raw() != "=1+1" || c.Attributes["POINTS"].Raw() != "12,5" {
			t.Errorf("%v %q %q", ok, c.Attributes["NOTE"].Raw(), c.Attributes["POINTS"].Raw())
		}
	})
}

func TestAReportNeverBecomesAFormula(t *testing.T) {
	var b strings.Builder
	first := true
	must(t, importer.WriteNotes(&b, locale.For("en", time.UTC), func(int64) ([]importer.Note, error) {
		if !first {
			return nil, nil
		}
		first = false
		return []importer.Note{{Seq: 1, Line: 2, Kind: "remark", Reason: "import.row.number", Place: "=HYPERLINK(1)"}, {Seq: 2, Line: 3, Kind: "remark", Reason: "import.row.number", Place: "@x"}}, nil
	}))
	if strings.Contains(b.String(), ",=") || strings.Contains(b.String(), ",@") {
		t.Error(b.String())
	}
}

func TestAFileWithoutAHeaderFindsItsAddresses(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		if sum := s.run(t, s.order("Ada;ada@example.org;Lyon\nBob;bob@example.org;Lille\n")); sum.New != 2 {
			t.Errorf("%+v", sum)
		}
		_, err := importer.Run(context.Background(), h.Main, s.owner, s.order("name;city\nAda;Lyon\n"), nil)
		if len(fault.All(err)) != 1 || fault.All(err)[0].Key != "import.mapping.no_email" {
			t.Errorf("a file without addresses: %v", err)
		}
		s.view(t, func(v *store.View) error {
			all, err := importer.All(v, 10)
			if len(all) != 1 {
				t.Errorf("%d imports: a refused one is left", len(all))
			}
			return err
		})
	})
}

// What a grade rests on, by origin and proof (kind.md).
func TestEveryOriginGetsTheGradeItsProofIsWorth(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		plain, dated := "a%@example.org;;", "b%@example.org;2025-02-03 10:00:00;https://example.org/form"
		for n, c := range []struct {
			name         string
			change       func(o *importer.Order)
			plain, dated string // grades, "" waits
		}{
			{"site, word", func(o *importer.Order) {}, "D", "B"},
			{"site, no word", func(o *importer.Order) { o.DeclaredBy = 0 }, "", "B"},
			{"site, file", func(o *importer.Order) {
				o.DeclaredBy, o.Evidence, o.EvidenceName = 0, lines("%PDF-1.4 sheet"), "sheet.pdf"
			}, "C", "B"},
			{"paper, word", func(o *importer.Order) { o.Kind = importer.Paper }, "D", "B"},
			{"customer", func(o *importer.Order) {
				o.Kind, o.Basis, o.Sale, o.CouldRefuse, o.Similar = importer.Customer, consent.SoftOptIn, "a spade", true, true
			}, "D", "B"},
			{"customer, nothing said of the conditions", func(o *importer.Order) { o.Kind, o.Basis = importer.Customer, consent.SoftOptIn }, "", ""},
			{"member", func(o *importer.Order) { o.Kind, o.Basis = importer.Member, consent.Member }, "D", "B"},
			{"customer, of other products", func(o *importer.Order) {
				o.Kind, o.Basis, o.Sale, o.CouldRefuse = importer.Customer, consent.SoftOptIn, "a spade", true
			}, "", ""},
			{"business", func(o *importer.Order) { o.Kind, o.Basis, o.Work = importer.Business, consent.B2B, "they buy tools" }, "D", "B"},
			{"business, why it concerns their work isn't said", func(o *importer.Order) { o.Kind, o.Basis = importer.Business, consent.B2B }, "", ""},
			{"contract, of no service", func(o *importer.Order) { o.Kind, o.Basis, o.Sale = importer.Member, consent.Contract, "hosting" }, "", ""},
			{"bought, word, no partner", func(o *importer.Order) { o.Kind, o.To = importer.Acquired, "2026-03-01" }, "", ""},
			{"bought, word, partner", func(o *importer.Order) { o.Kind, o.To, o.Partner = importer.Acquired, "2026-03-01", "Fairs" }, "", "B"},
			{"bought, file, partner", func(o *importer.Order) {
				o.Kind, o.To, o.Partner, o.Evidence, o.EvidenceName = importer.Acquired, "2026-03-01", "Fairs", lines("%PDF-1.4 contract"), "c.pdf"
			}, "C", "B"},
			{"inherited, word, partner", func(o *importer.Order) { o.Kind, o.To, o.Partner = importer.Inherited, "2026-03-01", "Old shop" }, "", "B"},
			{"unknown, word", func(o *importer.Order) { o.Kind, o.Basis, o.To = importer.Unknown, "", "2026-03-01" }, "", ""},
		} {
			id := string(rune('a' + n))
			o := s.order("email;optin date;form\n" + strings.ReplaceAll(plain, "%", id) + "\n" + strings.ReplaceAll(dated, "%", id) + "\n")
			c.change(&o)
			sum := s.run(t, o)
			for email, want := range map[string]string{"a" + id + "@example.org": c.plain, "b" + id + "@example.org": c.dated} {
				st := s.standing(t, email)
				if string(st.Grade) != want || (want == "") != (st.State == consent.Waiting) || want != "" && st.Reason != "" {
					t.Errorf("%s: %s is %s %q (%s), want %q; %+v", c.name, email, st.State, st.Grade, st.Reason, want, sum.Grades)
				}
			}
		}
	})
}

func TestChoicesAreMadeOnTheWayInTheSpellingThatCameFirst(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		s.write(t, func(tx *store.Tx) error { // made without choices: the file brings them
			_, err := contact.EnsureAttributes(tx, []contact.Attribute{{Name: "PLAN", Type: contact.TypeChoice}, {Name: "TASTE", Type: contact.TypeMultiple}})
			return err
		})
		sum := s.run(t, s.order("email;plan;taste\n"+
			"a@example.org;Gold;\"red; rosé,  brut\"\n"+
			"b@example.org;Silver;\"[\"\"White\"\",\"\"RED\"\"]\"\n"+
			"c@example.org;SILVER;rosé, brut\n"+
			"d@example.org;gold;red|white | ,\n"+
			"e@example.org;"+strings.Repeat("x", contact.MaxChoice+1)+";dry\\, very,red\n"))
		for email, want := range map[string]string{"a": "Gold: red; rosé, brut", "b": "Silver: red; White", "c": "Silver: rosé, brut", "d": "Gold: red; White", "e": ": red; dry, very"} {
			c, _ := s.person(t, email+"@example.org")
			if got := c.Attributes["PLAN"].Raw() + ": " + c.Attributes["TASTE"].Raw(); got != want {
				t.Errorf("%s: %q, want %q", email, got, want)
			}
		}
		s.view(t, func(v *store.View) error {
			all, err := contact.AllAttributes(v)
			if len(all) != 2 || strings.Join(all[0].Choices, "/") != "Gold/Silver" || strings.Join(all[1].Choices, "/") != "red/rosé, brut/White/dry, very" {
				t.Errorf("%+v", all)
			}
			return err
		})
		if sum.Remarks != 2 { // a lone comma, and what is too long
			t.Errorf("%d remarks", sum.Remarks)
		}
	})
}

func TestValuesAreHeldAgainstDeclaredChoicesAndTheReportNamesOthersAsLongAsTheFileIsKept(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		s.write(t, func(tx *store.Tx) error {
			_, err := contact.EnsureAttributes(tx, []contact.Attribute{{Name: "PLAN", Type: contact.TypeChoice, Choices: contact.Choices{"Gold"}},
				{Name: "TASTE", Type: contact.TypeMultiple, Choices: contact.Choices{"Red", "White, dry"}}})
			return err
		})
		file := "email,plan,taste\na@example.org,GOLD,\"white\\, dry,red\"\nb@example.org,Silver,\"[\"\"Red\"\"]\"\nc@example.org,,Red;Brown\n"
		id := s.brought(t, file)
		s.work(t, id)
		for email, want := range map[string]string{"a": "Gold: Red; White, dry", "b": ": Red", "c": ": "} {
			c, _ := s.person(t, email+"@example.org")
			if got := c.Attributes["PLAN"].Raw() + ": " + c.Attributes["TASTE"].Raw(); got != want {
				t.Errorf("%s: %q, want %q", email, got, want)
			}
		}
		said := func() (out string) {
			s.view(t, func(v *store.View) error {
				all, err := contact.AllAttributes(v)
				if len(all[0].Choices) != 1 || len(all[1].Choices) != 2 {
					t.Errorf("a file changed what was declared: %+v", all)
				}
				notes, err2 := importer.Notes(v, id, -1, 100)
				for _, n := range notes {
					out += fmt.Sprintf("%d %s %s\n", n.Line, n.Place, n.Words(locale.For("en", nil)))
				}
				return errors.Join(err, err2)
			})
			return out
		}
		if got := said(); !strings.HasPrefix(got, "3 plan “Silver” is none of the choices") || !strings.Contains(got, "4 taste “Brown” is none") {
			t.Errorf("%s", got)
		}
		h.Clock.Advance(40 * 24 * time.Hour)
		must(t, importer.Daily(h.Main)(context.Background()))
		if got := said(); strings.Contains(got, "Brown") || !strings.Contains(got, "4 taste This value is none") {
			t.Errorf("the file is gone, and the report says %s", got)
		}
	})
}

// brought takes a file through the steps of the pages, up to its start.
func (s *shop) brought(t testing.TB, file string) int64 {
	t.Helper()
	id, err := importer.Receive(context.Background(), s.Main, s.owner, "people.csv", strings.NewReader(file))
	must(t, err)
	day := func(ago int) string { return s.Clock.Now().AddDate(0, 0, -ago).Format(time.DateOnly) }
	for _, f := range []func(tx *store.Tx, i importer.Import) error{
		func(tx *store.Tx, i importer.Import) error {
			return importer.Check(tx, id, i.Version, sheet.Survey{Format: i.Format, Header: i.Survey.Header, Width: i.Survey.Width, Rows: i.Survey.Rows})
		},
		func(tx *store.Tx, i importer.Import) error { return importer.Map(tx, id, i.Version, i.Mapping) },
		func(tx *store.Tx, i importer.Import) error {
			return importer.Tell(tx, id, i.Version, importer.Origin{Kind: importer.Site, Where: "our form", From: day(400), To: day(3)})
		},
		func(tx *store.Tx, i importer.Import) error {
			return importer.Choose(tx, id, i.Version, importer.Choice{List: s.list, Options: importer.Options{Existing: importer.Fill}, Declare: true})
		},
		func(tx *store.Tx, i importer.Import) error { return importer.Begin(tx, id, false) },
	} {
		s.write(t, func(tx *store.Tx) error { return f(tx, s.get(t, id)) })
	}
	return id
}
