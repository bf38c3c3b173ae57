// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"slices"

	"consend/internal/ground/locale"
	"consend/internal/trace/proof"
)

// What prints: one receipt a sheet of A4, a page that needs no script and nothing from elsewhere.
const sheetStyle = `@page{size:A4;margin:16mm}*{box-sizing:border-box}body{margin:0;background:#fff;color:#111;font:10.5pt/1.4 system-ui,sans-serif;overflow-wrap:anywhere}
article{max-width:178mm;margin:0 auto;padding:8mm 4mm;break-after:page}h1{font-size:15pt;margin:0 0 3mm}h2{font-size:11.5pt;margin:5mm 0 1mm}p{margin:0 0 2mm}
table{width:100%;border-collapse:collapse;font-size:9pt}th,td{text-align:left;vertical-align:top;padding:1mm 2mm 1mm 0;border-bottom:.2mm solid #999}blockquote{margin:0 0 2mm;padding-left:3mm;border-left:.6mm solid #999;white-space:pre-line;font-size:9pt}footer{margin-top:5mm;font-size:8.5pt;color:#333}`

// sheets puts the receipts into a page.
func sheets(say locale.Printer, body []byte) []byte {
	t := html.EscapeString(say.T("evidence.print.title"))
	return fmt.Appendf(nil, "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>%s</title><style>%s</style></head><body>\n%s</body></html>\n",
		say.Lang, t, sheetStyle, body)
}

// mostPrinted is how many events of a list a sheet shows; the proof holds them all.
const mostPrinted = 8

// network tells from which Internet address somebody acted, where that is still kept.
func network(say locale.Printer, f proof.Facts) string {
	ip := cmp.Or(f.IP2, f.IP)
	if ip == "" {
		return ""
	}
	return " · " + say.T("evidence.print.ip", "ip", ip)
}

// agreed are the words that the last yes to a list was said to, and those of the request it answers. The privacy
// note is long, and has a file of its own.
func agreed(f proof.File, l proof.List) (out []proof.Text) {
	end := len(l.Events) - 1
	for ; end >= 0 && l.Events[end].Facts.State != "given"; end-- {
	}
	if end < 0 {
		return nil
	}
	begin := end
	if begin > 0 && l.Events[begin-1].Facts.State == "requested" {
		begin--
	}
	for _, x := range l.Events[begin : end+1] {
		for _, sum := range []string{x.Facts.Label, x.Facts.FormText, x.Facts.MailText} {
			i := slices.IndexFunc(f.Texts, func(t proof.Text) bool { return sum != "" && t.SHA256 == sum })
			if i >= 0 && !slices.ContainsFunc(out, func(t proof.Text) bool { return t.SHA256 == sum }) {
				out = append(out, f.Texts[i])
			}
		}
	}
	return out
}

// printed writes one person's receipt.
func printed(w io.Writer, say locale.Printer, f proof.File) error {
	e := html.EscapeString
	cp, err := proof.OpenCheckpoint([]byte(f.Log.Checkpoint), f.Log.Key)
	if err != nil {
		return err
	}
	out := fmt.Appendf(nil, "<article><h1>%s</h1><p><strong>%s</strong> · %s</p><p>%s: %s, %s</p>\n", e(say.T("evidence.print.title")), e(f.Person.Address), dec(f.Person.ID),
		e(say.T("evidence.print.controller")), e(f.Controller.Name), e(f.Controller.Address))
	for _, l := range f.Lists {
		out = fmt.Appendf(out, "<h2>%s</h2><p>%s</p><table><thead><tr><th>%s</th><th>%s</th><th>%s</th></tr></thead><tbody>", e(l.Name), e(l.GradeWords),
			e(say.T("evidence.print.when")), e(say.T("evidence.print.what")), e(say.T("evidence.print.entry")))
		events := l.Events[max(0, len(l.Events)-mostPrinted):]
		for _, x := range events {
			out = fmt.Appendf(out, "<tr><td>%s</td><td>%s</td><td>%d</td></tr>", e(x.Facts.Occurred), e(x.Words)+e(network(say, x.Facts)), x.Entry.ID)
		}
		out = append(out, "</tbody></table>"...)
		if n := len(l.Events) - len(events); n > 0 {
			out = fmt.Appendf(out, "<p>%s</p>", e(say.N("evidence.print.earlier", n)))
		}
		for _, t := range agreed(f, l) {
			out = fmt.Appendf(out, "<p>%s</p><blockquote lang=\"%s\">%s</blockquote>", e(say.T("evidence.print.shown")), e(t.Language), e(t.Text))
		}
	}
	out = fmt.Appendf(out, "<footer>%s<br>proofs/%d.json · %s</footer></article>\n",
		e(say.T("evidence.print.sealed", "when", cp.At.Format("2006-01-02 15:04:05 UTC"), "size", cp.Size, "log", cp.Origin)), f.Person.ID, proof.Fingerprint(f.Log.Key))
	_, err = w.Write(out)
	return err
}
