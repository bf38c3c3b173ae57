// SPDX-License-Identifier: AGPL-3.0-or-later

package sending

import (
	"strconv"
	"strings"

	"consend/internal/ground/legalclock"
	"consend/internal/sending/campaign"
	"consend/internal/sending/report"
	"consend/internal/web/shell"
)

// bars are the heights of a report's curve, of 100.
func bars(out report.Report) []int {
	top := int64(1)
	for _, p := range out.Curve {
		top = max(top, p.People)
	}
	heights := make([]int, len(out.Curve))
	for i, p := range out.Curve {
		heights[i] = int(p.People * 96 / top)
		if p.People > 0 {
			heights[i] = max(heights[i], 2)
		}
	}
	return heights
}

func curveRows(r *shell.Request, out report.Report) [][]shell.Component {
	var rows [][]shell.Component
	for _, p := range out.Curve {
		rows = append(rows, []shell.Component{shell.Str(r.P.DateTime(legalclock.Moment(p.At))), shell.Num(p.People)})
	}
	return rows
}

func whyTitle(x campaign.Recipient) string {
	if x.State == campaign.Out || x.State == campaign.Failed {
		return "web_campaign.why.not"
	}
	return "web_campaign.why"
}

func gradeText(r *shell.Request, x campaign.Recipient) string {
	if x.Grade == "" {
		return ""
	}
	return string(x.Grade) + " · " + r.P.T("web_campaign.grade."+strings.ToLower(string(x.Grade)))
}

func answerText(x campaign.Recipient) string {
	if x.Code == 0 {
		return ""
	}
	return strings.TrimSpace(strconv.Itoa(x.Code) + " " + x.Enhanced)
}

func numberOrNone(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// itemText is a line of the checklist; one that counts people agrees with their number.
func itemText(r *shell.Request, i campaign.Item) string {
	args := make([]any, len(i.Args))
	copy(args, i.Args)
	for k := 0; k+1 < len(args); k += 2 {
		if args[k] == "n" {
			switch n := args[k+1].(type) {
			case int64:
				args[k+1] = r.P.Number(n)
				return r.P.N(i.Key, int(n), args...)
			case int:
				args[k+1] = r.P.Number(int64(n))
				return r.P.N(i.Key, n, args...)
			}
		}
	}
	return r.P.T(i.Key, args...)
}

// recipientFacts is what is known of one person's message; what is not known is left out.
func recipientFacts(r *shell.Request, x campaign.Recipient) (out []shell.Fact) {
	add := func(key, text, hint string) {
		if text != "" {
			f := shell.Fact{Label: r.P.T(key), Text: text}
			if hint != "" {
				f.Hint = r.P.T(hint)
			}
			out = append(out, f)
		}
	}
	when := func(key string, m legalclock.Moment) {
		if m != 0 {
			out = append(out, shell.Fact{Label: r.P.T(key), Value: shell.When(m)})
		}
	}
	add("report.column.reason", report.Words(r.P, x.Reason), "")
	if x.Basis != "" {
		add("report.column.basis", r.P.Or("web_campaign.basis."+string(x.Basis), string(x.Basis)), "")
	}
	add("report.column.grade", gradeText(r, x), "")
	add("report.column.event", numberOrNone(x.EventID), "web_campaign.event.hint")
	add("report.column.code", answerText(x), "")
	add("web_campaign.tries", numberOrNone(int64(x.Tries)), "")
	when("web_campaign.next", x.NextAt)
	when("report.column.at", x.EndedAt)
	return out
}

// dpaWords says in words what a permit noted of the agreement: its kind first, then its version and dates.
func dpaWords(r *shell.Request, noted string) string {
	kind, rest, more := strings.Cut(noted, ", ")
	s := r.P.Or("web_sending.dpa."+kind, kind)
	if more {
		s += ", " + rest
	}
	return s
}

func transferWords(r *shell.Request, noted string) string {
	mechanism, country, _ := strings.Cut(noted, ", ")
	if mechanism == "none" {
		return r.P.T("web_campaign.permit.transfer.none")
	}
	return strings.Trim(r.P.Or("web_sending.mechanism."+mechanism, mechanism)+", "+country, ", ")
}
