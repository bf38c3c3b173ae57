// SPDX-License-Identifier: AGPL-3.0-or-later

package sending

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"consend/internal/gate"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/sending/campaign"
	"consend/internal/sending/report"
	"consend/internal/trace"
	"consend/internal/trace/proof"
	"consend/internal/web/shell"
)

func (p *CampaignPages) campaignSend(r *shell.Request) error {
	c, err := p.get(r)
	if err != nil {
		return err
	}
	if c.State != campaign.Draft {
		return r.RedirectWarning(campaignURL(c.ID), "campaign.not_draft")
	}
	var l campaign.Checklist
	if err := p.view(r, func(v *store.View) (err error) { l, err = campaign.Check(v, c.ID); return err }); err != nil {
		return err
	}
	if !l.Ready() {
		return r.RedirectWarning(campaignURL(c.ID)+"/check", "web_campaign.not_ready")
	}
	return r.Render(http.StatusOK, campaignSendPage(r, c, l))
}

// campaignSendPost lets it go. The checklist is asked again, before the act, since it counts the whole audience:
// what stops it stops it here too, and what changes in between the gate meets in every batch.
func (p *CampaignPages) campaignSendPost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	expected, _ := f.Int("expected")
	var l campaign.Checklist
	if err := p.view(r, func(v *store.View) (err error) { l, err = campaign.Check(v, id); return err }); err != nil {
		return err
	}
	if !l.Ready() {
		return r.RedirectWarning(campaignURL(id)+"/check", "web_campaign.not_ready")
	}
	if err := p.write(r, func(tx *store.Tx) error { return campaign.Approve(tx, id, version(f), expected, campaign.UndoWindow) }); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, campaignURL(id), "web_campaign.approved")
}

func (p *CampaignPages) campaignStop(r *shell.Request) error {
	c, err := p.get(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, campaignStopPage(r, c))
}

func (p *CampaignPages) campaignDoubtfulPost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	f, err := r.Form(64 << 10)
	if err != nil {
		return err
	}
	some := f.IDs("id")
	if len(some) < len(f.Values["id"]) {
		return fault.New(fault.NotFound, "contact.none")
	}
	if err := p.write(r, func(tx *store.Tx) error { return campaign.SendDoubtful(tx, id, some) }); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, campaignURL(id), "web_campaign.doubtful.sent")
}

// campaignReport shows a campaign that has left the desk: on its way, or over.
func (p *CampaignPages) campaignReport(r *shell.Request, c campaign.Campaign) error {
	var out report.Report
	if err := p.view(r, func(v *store.View) (err error) { out, err = report.Of(v, c.ID); return err }); err != nil {
		return err
	}
	if c.State.Over() {
		return r.Render(http.StatusOK, campaignReportPage(r, out))
	}
	return r.Render(http.StatusOK, campaignRunningPage(r, out))
}

func (p *CampaignPages) campaignRecipients(r *shell.Request) error {
	c, err := p.get(r)
	if err != nil {
		return err
	}
	l := r.List(shell.ListSpec{Filters: []string{"state", "reason"}, Size: 50})
	after, _ := strconv.ParseInt(l.After, 10, 64)
	var rows []report.Row
	var whole report.Report
	err = p.view(r, func(v *store.View) (err error) {
		if whole, err = report.Of(v, c.ID); err != nil {
			return err
		}
		rows, err = report.Rows(v, c.ID, after, campaign.Fate(l.Filter("state")), l.Filter("reason"), l.Size+1)
		return err
	})
	if err != nil {
		return err
	}
	next := ""
	if len(rows) > l.Size {
		rows = rows[:l.Size]
		next = strconv.FormatInt(rows[len(rows)-1].ContactID, 10)
	}
	ids := make([]int64, len(rows))
	for i, x := range rows {
		ids[i] = x.ContactID
	}
	filter := url.Values{"state": {l.Filter("state")}, "reason": {l.Filter("reason")}}.Encode()
	if err := trace.Look(r.Context(), p.DB, r.Who, trace.Looked{Object: "campaign.recipients", ObjectID: c.ID, Contacts: ids, Filter: filter}); err != nil {
		return err
	}
	return r.Render(http.StatusOK, campaignRecipientsPage(r, c, recipientsTable(r, l, whole, rows, next)))
}

func recipientsTable(r *shell.Request, l shell.List, whole report.Report, rows []report.Row, next string) shell.Table {
	t := shell.Table{Caption: r.P.T("web_campaign.recipients"), List: l, Total: -1, Next: next,
		Columns: []shell.Column{{Label: r.P.T("report.column.email")}, {Label: r.P.T("report.column.state")}, {Label: r.P.T("report.column.reason")}, {Label: r.P.T("report.column.grade")}, {Label: r.P.T("report.column.at"), Quiet: true}},
		Filters: []shell.Filter{{Name: "state", Label: r.P.T("report.column.state")}, {Name: "reason", Label: r.P.T("report.column.reason")}},
		Empty:   shell.EmptyState{Icon: "users", Title: r.P.T("web_campaign.recipients.none"), Text: r.P.T("web_campaign.recipients.none.text")}}
	for _, f := range campaign.Fates() {
		if n := whole.Counts.Of(f); n > 0 {
			t.Filters[0].Choices = append(t.Filters[0].Choices, shell.Choice{Value: string(f), Label: r.P.T("campaign.fate." + string(f)), Count: r.P.Number(n)})
		}
	}
	for _, x := range whole.Reasons {
		if x.Reason != "" {
			t.Filters[1].Choices = append(t.Filters[1].Choices, shell.Choice{Value: x.Reason, Label: report.Words(r.P, x.Reason), Count: r.P.Number(x.People)})
		}
	}
	for _, x := range rows {
		email := x.Email
		if email == "" {
			email = r.P.T("web_campaign.erased", "n", x.ContactID)
		}
		t.Rows = append(t.Rows, shell.Row{ID: strconv.FormatInt(x.ContactID, 10), Label: email, Link: fmt.Sprintf("%s/recipients/%d", campaignURL(whole.Campaign.ID), x.ContactID), Cells: []shell.Component{
			shell.Str(email), shell.Badge(fateTone(x.State), r.P.T("campaign.fate."+string(x.State))), shell.Soft(report.Words(r.P, x.Reason)), shell.Str(string(x.Grade)), shell.When(x.EndedAt)}})
	}
	return t
}

// campaignRecipient answers "why was this sent?".
func (p *CampaignPages) campaignRecipient(r *shell.Request) error {
	c, err := p.get(r)
	if err != nil {
		return err
	}
	person, err := r.ID("contact")
	if err != nil {
		return err
	}
	var row campaign.Recipient
	var permit gate.Given
	var who contact.Contact
	err = p.view(r, func(v *store.View) (err error) {
		if row, permit, err = campaign.Why(v, c.ID, person); err != nil {
			return fault.New(fault.NotFound, "shell.not_found").Because(err)
		}
		if who, err = contact.Get(v, person); fault.Is(err, fault.NotFound) {
			err = nil // erased since: the ledger's row goes with them
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := trace.Look(r.Context(), p.DB, r.Who, trace.Looked{Object: "campaign.recipient", ObjectID: c.ID, Contacts: []int64{person}}); err != nil {
		return err
	}
	return r.Render(http.StatusOK, campaignRecipientPage(r, c, who, row, permit))
}

// campaignExport asks how the file of recipients is to leave.
func (p *CampaignPages) campaignExport(r *shell.Request) error {
	c, err := p.get(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, campaignExportPage(r, c, shell.NewForm()))
}

// campaignExportPost gives the recipients as a file. The act is traced before the first byte leaves, and who is in the
// file before their page of rows does.
func (p *CampaignPages) campaignExportPost(r *shell.Request) error {
	c, err := p.get(r)
	if err != nil {
		return err
	}
	f, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	e := f.Envelope()
	if !f.OK() {
		return r.Render(http.StatusUnprocessableEntity, campaignExportPage(r, c, f))
	}
	err = p.write(r, func(tx *store.Tx) error {
		_, err := trace.Append(tx, trace.Act{Action: "campaign.export", Object: "campaign", ObjectID: c.ID, Clear: proof.Fields{"people": strconv.FormatInt(c.Frozen, 10), "encrypted": string(e.How)}})
		return err
	})
	if err != nil {
		return err
	}
	rows := &exported{p: p, r: r, id: c.ID, how: string(e.How)}
	if err := rows.fill(); err != nil { // what goes wrong at once gets a page, not half a file
		return err
	}
	closed := e.Reader(rows)
	defer closed.Close()
	return r.Download(e.Name(fmt.Sprintf("campaign-%d.csv", c.ID)), e.Type("text/csv; charset=utf-8"), closed)
}

// exported reads the recipients page by page as the file is sent, in short looks at the database.
type exported struct {
	p     *CampaignPages
	r     *shell.Request
	id    int64
	how   string // it leaves
	after int64
	begun bool
	ended bool
	b     bytes.Buffer
}

func (e *exported) Read(out []byte) (int, error) {
	for e.b.Len() == 0 {
		if e.ended {
			return 0, io.EOF
		}
		if err := e.fill(); err != nil {
			return 0, err
		}
	}
	return e.b.Read(out)
}

func (e *exported) fill() error {
	if !e.begun {
		e.begun = true
		if err := report.WriteHead(&e.b, e.r.P); err != nil {
			return err
		}
	}
	var rows []report.Row
	err := e.p.view(e.r, func(v *store.View) (err error) { rows, err = report.Rows(v, e.id, e.after, "", "", 1000); return err })
	if err != nil {
		return err
	}
	if e.ended = len(rows) < 1000; len(rows) > 0 {
		e.after = rows[len(rows)-1].ContactID
		ids := make([]int64, len(rows))
		for i, x := range rows {
			ids[i] = x.ContactID
		}
		if err := trace.Look(e.r.R.Context(), e.p.DB, e.r.Who, trace.Looked{Object: "campaign", ObjectID: e.id, Contacts: ids, Filter: "csv", Closed: e.how}); err != nil {
			return err
		}
	}
	return report.Write(&e.b, e.r.P, rows)
}
