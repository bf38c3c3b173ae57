// SPDX-License-Identifier: AGPL-3.0-or-later

package duty

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"

	"consend/internal/ground/envelope"
	"consend/internal/ground/store"
	"consend/internal/people/evidence"
	"consend/internal/trace"
	"consend/internal/trace/proof"
	"consend/internal/web/shell"
)

// ProofPages show and hand out the proof of one contact. Each is a look, traced before a byte
// of it leaves.
type ProofPages struct{ DB *store.DB }

// Routes is the room's part of the access table.
func (p *ProofPages) Routes() []shell.Route {
	get := func(path string, h func(*shell.Request) error) shell.Route {
		return shell.Route{Method: http.MethodGet, Pattern: "/contacts/{id}/" + path, Permission: shell.ContactsExport, Shows: shell.ShowsPerson, Handler: h}
	}
	return []shell.Route{get("proof", p.page), get("proof.json", p.json), get("proof.csv", p.csv),
		{Method: http.MethodPost, Pattern: "/contacts/{id}/proof", Permission: shell.ContactsExport, Shows: shell.ShowsPerson, Trace: []string{trace.LookAction}, Body: 4 << 10, Handler: p.closed}}
}

// build makes the proof once the look is written down, and how the file is closed that leaves.
func (p *ProofPages) build(r *shell.Request, what string, how envelope.How) (evidence.Proof, error) {
	id, err := r.ID("id")
	if err != nil {
		return evidence.Proof{}, err
	}
	made, err := evidence.Build(r.Context(), p.DB, r.Who, id, r.P.Lang)
	if err != nil {
		return made, err
	}
	return made, trace.Look(r.Context(), p.DB, r.Who, trace.Looked{Object: what, ObjectID: id, Contacts: []int64{id}, Closed: string(how)})
}

func (p *ProofPages) page(r *shell.Request) error {
	made, err := p.build(r, "proof", "")
	if err != nil {
		return err
	}
	cp, err := proof.OpenCheckpoint([]byte(made.File.Log.Checkpoint), made.File.Log.Key)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, proofPage(r, made.File, cp))
}

// closed hands the proof out as its asker wants it closed, for a mail to whoever asked for it.
func (p *ProofPages) closed(r *shell.Request) error {
	f, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	e := f.Envelope()
	if !f.OK() {
		id, err := r.ID("id")
		if err != nil {
			return err
		}
		return r.Render(http.StatusUnprocessableEntity, proofClosePage(r, id, f)) // it shows nobody, so it is no look
	}
	made, err := p.build(r, "proof.json", e.How)
	if err != nil {
		return err
	}
	b := e.Reader(bytes.NewReader(made.Bytes))
	defer b.Close()
	return r.Download(e.Name(made.Name("json")), e.Type("application/json"), b)
}

func (p *ProofPages) json(r *shell.Request) error {
	made, err := p.build(r, "proof.json", "")
	if err != nil {
		return err
	}
	return r.Download(made.Name("json"), "application/json", bytes.NewReader(made.Bytes))
}

func (p *ProofPages) csv(r *shell.Request) error {
	made, err := p.build(r, "proof.csv", "")
	if err != nil {
		return err
	}
	return r.Download(made.Name("csv"), "text/csv; charset=utf-8", bytes.NewReader(made.CSV()))
}

// shownEvents is how many events of a list stand on the page, so that it prints on one sheet;
// the file holds them all.
const shownEvents = 6

func newest(events []proof.Event) []proof.Event {
	return events[max(0, len(events)-shownEvents):]
}

// exact writes a moment of a proof to the second in the account's zone, the same in every language.
func exact(r *shell.Request, moment string) string {
	t, err := time.Parse(time.RFC3339Nano, moment)
	if err != nil {
		return moment
	}
	return t.In(r.Zone).Format("2006-01-02 15:04:05 MST")
}

// from tells where an act of the person came from, as far as it is still kept.
func from(r *shell.Request, e proof.Event) string {
	f := e.Facts
	switch {
	case f.IP != "":
		s := f.IP
		if w := "web_proof.ip." + strings.SplitN(f.IPSource, ":", 2)[0]; f.IPSource != "" && r.P.Has(w) {
			s += " (" + r.P.T(w) + ")"
		}
		return s
	case f.IPSource != "":
		return r.P.T("web_proof.ip.ended")
	}
	return ""
}

// stands names the place of an event in the log.
func stands(e proof.Event) string {
	if e.Entry.Member != nil {
		return fmt.Sprintf("%d · %d", e.Entry.ID, e.Entry.Member.Index)
	}
	return fmt.Sprint(e.Entry.ID)
}

func stateTone(state string) shell.Tone {
	switch state {
	case "given":
		return shell.Good
	case "requested", "waiting":
		return shell.Waiting
	}
	return shell.Quiet
}

// party is a controller or processor on one line.
func party(p proof.Party) string {
	out := []string{p.Name}
	for _, l := range append(strings.Split(p.Address, "\n"), p.Country, p.Email) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return strings.Join(out, ", ")
}

func eventRows(r *shell.Request, l proof.List) [][]shell.Component {
	var rows [][]shell.Component
	for _, e := range newest(l.Events) {
		rows = append(rows, []shell.Component{shell.Str(exact(r, e.Facts.Occurred)), shell.Str(e.Words), shell.Str(from(r, e)), shell.Code(stands(e))})
	}
	return rows
}

func textTitle(r *shell.Request, t proof.Text) string {
	return r.P.T("web_proof.text."+t.Kind) + " · SHA-256 " + t.SHA256[:16] + "…"
}
