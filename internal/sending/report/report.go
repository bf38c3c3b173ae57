// SPDX-License-Identifier: AGPL-3.0-or-later

// Package report promises numbers that say what is known and no more: what the sending service took, refused, was not
// asked, and why; how many left afterwards. Nothing here is measured by watching people, and nothing is extrapolated.
//
// It leaves to campaign the ledger the numbers stand in.
package report

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"consend/internal/gate"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/sending/campaign"
)

// Report is a campaign in numbers.
type Report struct {
	Campaign campaign.Campaign
	Counts   campaign.Counts
	Reasons  []Reason // why not, most first
	Grades   []Grade  // of those it was taken for
	Curve    []campaign.Point
	Span     time.Duration // of one point of the curve
	Left     int64         // of those it was taken for: who said no to a list of it since
}

// Reason is how many people share a fate for a reason.
type Reason struct {
	Fate   campaign.Fate
	Reason string
	People int64
}

// Grade is how many people it was taken for with a grade of evidence.
type Grade struct {
	Grade  consent.Grade
	People int64
}

// points is how many points a curve has at most, about.
const points = 60

// Of makes a campaign's report. Faults: campaign.none.
func Of(r store.Reader, id int64) (Report, error) {
	var out Report
	var err error
	if out.Campaign, err = campaign.Get(r, id); err != nil {
		return out, err
	}
	if out.Counts, err = campaign.Count(r, id); err != nil {
		return out, err
	}
	reasons, grades := map[Reason]int64{}, map[consent.Grade]int64{}
	for _, t := range out.Counts.By {
		switch t.State {
		case campaign.Accepted:
			grades[t.Grade] += t.People
		case campaign.Out, campaign.Failed, campaign.Deferred:
			reasons[Reason{Fate: t.State, Reason: t.Reason}] += t.People
		}
	}
	for k, n := range reasons {
		k.People = n
		out.Reasons = append(out.Reasons, k)
	}
	slices.SortFunc(out.Reasons, func(x, y Reason) int {
		if x.People != y.People {
			return int(y.People - x.People)
		}
		return strings.Compare(string(x.Fate)+x.Reason, string(y.Fate)+y.Reason)
	})
	for _, g := range []consent.Grade{consent.GradeA, consent.GradeB, consent.GradeC, consent.GradeD} {
		if grades[g] > 0 {
			out.Grades = append(out.Grades, Grade{g, grades[g]})
		}
	}
	if out.Campaign.StartedAt != 0 {
		if out.Left, err = campaign.LeftSince(r, id); err != nil {
			return out, err
		}
		return out, out.curve(r)
	}
	return out, nil
}

// spans are the lengths a point of a curve may have.
var spans = []time.Duration{time.Second, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour}

func (out *Report) curve(r store.Reader) (err error) {
	end := out.Campaign.EndedAt
	if end == 0 {
		end = nowOf(r)
	}
	took := end.Sub(out.Campaign.StartedAt)
	out.Span = spans[len(spans)-1]
	for _, s := range spans {
		if took <= s*points {
			out.Span = s
			break
		}
	}
	out.Curve, err = campaign.OverTime(r, out.Campaign.ID, out.Span.Microseconds())
	return err
}

func nowOf(r store.Reader) legalclock.Moment {
	switch v := r.(type) {
	case *store.Tx:
		return v.Now
	case *store.View:
		return v.Now
	}
	return 0
}

// Words gives a reason in words: gate's reasons have theirs in its catalogue, the campaign's own in ours.
func Words(p locale.Printer, reason string) string {
	if reason == "" {
		return ""
	}
	return p.Or("campaign.reason."+reason, p.Or("gate.reason."+reason, p.Or("campaign.hold."+reason, reason)))
}

// Row is one line of the export: a recipient with the address.
type Row struct {
	campaign.Recipient
	Email string
}

// Rows reads recipients with their addresses, after one of them: at most 1,000. The caller traces the look.
func Rows(r store.Reader, id, after int64, f campaign.Fate, reason string, limit int) ([]Row, error) {
	list, err := campaign.Recipients(r, id, after, f, reason, min(limit, 1000))
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(list))
	for i, x := range list {
		ids[i] = x.ContactID
	}
	people, err := contact.Some(r, ids)
	if err != nil {
		return nil, err
	}
	emails := make(map[int64]string, len(people))
	for _, c := range people {
		emails[c.ID] = c.Email.Raw()
	}
	out := make([]Row, len(list))
	for i, x := range list {
		out[i] = Row{x, emails[x.ContactID]}
	}
	return out, nil
}

// Head is the first line of the export.
func Head(p locale.Printer) []string {
	var out []string
	for _, k := range []string{"contact", "email", "state", "reason", "basis", "grade", "event", "permit", "code", "at"} {
		out = append(out, p.T("report.column."+k))
	}
	return out
}

// Write writes rows as CSV, for people who open it in a spreadsheet: no cell begins a formula.
func Write(w io.Writer, p locale.Printer, rows []Row) error {
	c := csv.NewWriter(w)
	for _, x := range rows {
		code := ""
		if x.Code != 0 {
			code = strings.TrimSpace(strconv.Itoa(x.Code) + " " + x.Enhanced)
		}
		err := c.Write(safe([]string{dec(x.ContactID), x.Email, p.T("campaign.fate." + string(x.State)), Words(p, x.Reason), string(x.Basis), string(x.Grade),
			dec(x.EventID), dec(x.PermitID), code, x.EndedAt.String()}))
		if err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// WriteHead writes the first line, behind a mark that tells spreadsheets it is UTF-8.
func WriteHead(w io.Writer, p locale.Printer) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	c := csv.NewWriter(w)
	if err := c.Write(safe(Head(p))); err != nil {
		return err
	}
	c.Flush()
	return c.Error()
}

// safe keeps every cell from being a formula.
func safe(cells []string) []string {
	for i, s := range cells {
		cells[i] = locale.Cell(s)
	}
	return cells
}

func dec(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// HoldWords says why nothing goes just now, and what to do.
func HoldWords(p locale.Printer, hold string) string {
	if hold == "" {
		return ""
	}
	if key := "campaign.hold." + hold; p.Has(key) {
		return p.T(key)
	}
	if gate.Reason(hold).Holds() {
		return p.Or("gate.remedy."+hold, p.Or("gate.reason."+hold, hold))
	}
	return hold
}
