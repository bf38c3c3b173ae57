// SPDX-License-Identifier: AGPL-3.0-or-later

package proof

import (
	"fmt"
	"sort"
)

// Facts are what an event of a list says, as committed and as shown: the same value
// is split into the entry's parts when the act is traced and put in the File when it
// is proved, so both can only differ by forgery. Moments are ISO 8601 in UTC with
// microseconds; ids are decimal; an empty fact is not there.
type Facts struct {
	Event     string `json:"event"`               // requested, given, refused, withdrawn …
	List      string `json:"list,omitempty"`      //
	Purpose   string `json:"purpose,omitempty"`   // code of the list's purpose
	State     string `json:"state"`               // of the subscription after the event
	Basis     string `json:"basis,omitempty"`     //
	Grade     string `json:"grade,omitempty"`     // evidence grade A B C D
	Seq       string `json:"seq,omitempty"`       // order of the subscription's events
	Occurred  string `json:"occurred,omitempty"`  // when the person acted
	Recorded  string `json:"recorded,omitempty"`  // when we wrote it down
	Confirmed string `json:"confirmed,omitempty"` // when the button in the confirmation mail was pressed
	Method    string `json:"method,omitempty"`    // form, doi_post, rfc8058_post, import_evidence …
	Source    string `json:"source,omitempty"`    // where it came from, a code
	Import    string `json:"import,omitempty"`    // id of the import
	Form      string `json:"form,omitempty"`
	FormVer   string `json:"form_version,omitempty"`
	Note      string `json:"note,omitempty"` // privacy note
	NoteVer   string `json:"note_version,omitempty"`
	Label     string `json:"label_sha256,omitempty"` // words beside the box or on the button
	FormText  string `json:"form_sha256,omitempty"`  // form as shown
	NoteText  string `json:"note_sha256,omitempty"`
	MailText  string `json:"mail_sha256,omitempty"`     // confirmation mail
	Evidence  string `json:"evidence_sha256,omitempty"` // file kept elsewhere, not embedded
	Box       string `json:"box,omitempty"`             // state of the box when shown: "empty", "none"
	Language  string `json:"language,omitempty"`
	IPSource  string `json:"ip_source,omitempty"` // direct, trusted_hop:n
	IPSource2 string `json:"confirm_ip_source,omitempty"`
	Actor     string `json:"by,omitempty"` // subject, guardian, member, key, job

	// Private: told only by this file, never by the log.
	Address string `json:"address,omitempty"`
	IP      string `json:"ip,omitempty"`
	Agent   string `json:"agent,omitempty"`
	IP2     string `json:"confirm_ip,omitempty"`
	Agent2  string `json:"confirm_agent,omitempty"`
	Page    string `json:"page,omitempty"` // address of the page without its query
	Detail  string `json:"source_detail,omitempty"`
}

type fact struct {
	name    string
	value   *string
	private bool
}

// each lists the facts; the names are those of the JSON tags (a test holds them equal).
func (f *Facts) each() [34]fact {
	return [...]fact{
		{"event", &f.Event, false}, {"list", &f.List, false}, {"purpose", &f.Purpose, false},
		{"state", &f.State, false}, {"basis", &f.Basis, false}, {"grade", &f.Grade, false},
		{"seq", &f.Seq, false}, {"occurred", &f.Occurred, false}, {"recorded", &f.Recorded, false},
		{"confirmed", &f.Confirmed, false}, {"method", &f.Method, false}, {"source", &f.Source, false},
		{"import", &f.Import, false}, {"form", &f.Form, false}, {"form_version", &f.FormVer, false},
		{"note", &f.Note, false}, {"note_version", &f.NoteVer, false}, {"label_sha256", &f.Label, false},
		{"form_sha256", &f.FormText, false}, {"note_sha256", &f.NoteText, false},
		{"mail_sha256", &f.MailText, false}, {"evidence_sha256", &f.Evidence, false},
		{"box", &f.Box, false}, {"language", &f.Language, false}, {"ip_source", &f.IPSource, false},
		{"confirm_ip_source", &f.IPSource2, false}, {"by", &f.Actor, false},
		{"address", &f.Address, true}, {"ip", &f.IP, true}, {"agent", &f.Agent, true},
		{"confirm_ip", &f.IP2, true}, {"confirm_agent", &f.Agent2, true}, {"page", &f.Page, true},
		{"source_detail", &f.Detail, true},
	}
}

// byName are the facts in the order of canonical text: where each stands in each's list.
var byName = func() []int {
	list := (&Facts{}).each()
	at := make([]int, len(list))
	for i := range at {
		at[i] = i
	}
	sort.Slice(at, func(i, j int) bool { return list[at[i]].name < list[at[j]].name })
	return at
}()

// AppendClear writes the clear part's canonical text without a map, with one more field in
// its place; an import does so for every row.
func (f *Facts) AppendClear(b []byte, name, value string) []byte {
	list := f.each()
	for _, i := range byName {
		x := &list[i]
		if x.private || *x.value == "" {
			continue
		}
		if name != "" && name < x.name {
			b = AppendLine(b, name, value)
			name = ""
		}
		b = AppendLine(b, x.name, *x.value)
	}
	if name != "" {
		b = AppendLine(b, name, value)
	}
	return b
}

// EachPrivate gives the private facts that are there, sorted by name.
func (f *Facts) EachPrivate(yield func(name, value string)) {
	list := f.each()
	for _, i := range byName {
		if x := &list[i]; x.private && *x.value != "" {
			yield(x.name, *x.value)
		}
	}
}

// Split gives the facts as the clear and the private part of an entry or a member.
func (f Facts) Split() (clear, private Fields) {
	clear, private = make(Fields, 24), make(Fields, 4)
	for _, x := range f.each() {
		switch {
		case *x.value == "":
		case x.private:
			private[x.name] = *x.value
		default:
			clear[x.name] = *x.value
		}
	}
	return clear, private
}

// Without gives the facts that common does not already say: for the members of a set
// act whose entry carries what is common to all.
func (f Facts) Without(common Facts) Facts {
	a, b := f.each(), common.each()
	for i := range a {
		if *a[i].value == *b[i].value {
			*a[i].value = ""
		}
	}
	return f
}

// bound checks that what is shown is what is committed, fact by fact: the member's
// part speaks first, then the entry's. It returns the facts that ended, with reasons.
func (f Facts) bound(parts ...part) (ended []string, err error) {
	for _, x := range f.each() {
		committed, gone, known := "", "", false
		for _, p := range parts {
			from := p.clear
			if x.private {
				from = p.private
			}
			if v, ok := from[x.name]; ok {
				committed, known = v, true
				break
			}
			if why, ok := p.gone[x.name]; ok && x.private {
				gone, known = why, true
				break
			}
		}
		if *x.value != committed {
			if !known {
				return nil, fmt.Errorf("%s is shown but was never committed", x.name)
			}
			return nil, fmt.Errorf("%s is shown as one value and committed as another", x.name)
		}
		if gone != "" {
			ended = append(ended, x.name+": "+gone)
		}
	}
	return ended, nil
}

// part is a checked record: its clear fields, its shown private fields, and the
// private fields of which only the commitment is there.
type part struct {
	clear, private Fields
	gone           map[string]string
}

func (r Record) part() (part, error) {
	clear, err := Parse(r.Clear)
	if err != nil {
		return part{}, err
	}
	p := part{clear: clear, private: Fields{}, gone: map[string]string{}}
	for _, f := range r.Private {
		if f.Commitment != "" {
			p.gone[f.Name] = f.Removed
			if f.Removed == "" {
				p.gone[f.Name] = "not shown"
			}
			continue
		}
		p.private[f.Name] = f.Value
	}
	return p, nil
}
