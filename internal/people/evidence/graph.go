// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"encoding/json"
	"strings"

	"consend/internal/trace/proof"
)

// The records of a bundle as linked data: consent records by ISO/IEC TS 27560:2023 in the
// profile of DPV (docs/formats/bundle.md). Terms that DPV has no name for bear ours.
const (
	graphHead = `{"@context":{"@vocab":"https://w3id.org/dpv/schema/dpv-27560#","dpv":"https://w3id.org/dpv#","dct":"http://purl.org/dc/terms/","consend":"urn:consend:term:"},"@graph":[
`
	graphTail = "\n]}\n"
)

type node = map[string]any

// graph gives a person's records, one for every list, as nodes with commas between.
func (p Proof) graph() ([]byte, error) {
	var out []byte
	for i := range p.File.Lists {
		b, err := json.Marshal(record(&p.File, &p.File.Lists[i]))
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ",\n"...)
		}
		out = append(out, b...)
	}
	return out, nil
}

func record(f *proof.File, l *proof.List) node {
	n := l.Processing
	types := []node{}
	for _, c := range n.Categories {
		types = append(types, node{"pii_type": c, "pii_optional": false})
	}
	method := ""
	var events []node
	for _, e := range l.Events {
		if e.Facts.State == "given" {
			method = e.Facts.Method
		}
		events = append(events, node{"@type": "dpv:ConsentStatus", "event_time": e.Facts.Occurred, "validity_duration": "until withdrawn", "entity_id": e.Facts.Actor,
			"event_type": e.Facts.Event, "event_state": e.Facts.State, "consend:recorded": e.Facts.Recorded, "consend:confirmed": e.Facts.Confirmed,
			"consend:seq": e.Facts.Seq, "consend:entry": e.Entry.ID, "lawful_basis": e.Facts.Basis, "consend:grade": e.Facts.Grade})
	}
	parties := []node{partyNode(f.Controller, "pii_controller", f.Account)}
	if f.Processor != nil {
		parties = append(parties, partyNode(*f.Processor, "pii_processor", 1))
	}
	id := dec(f.Account) + "-" + dec(f.Person.ID) + "-" + dec(l.ID)
	return node{"@type": "dpv:ConsentRecord", "@id": "urn:consend:record:" + id, "dct:conformsTo": proof.Profile, "dct:created": f.Made,
		"schema_version": "ISO/IEC TS 27560:2023", "record_id": id, "pii_principal_id": dec(f.Person.ID), "dpv:hasConsentStatus": l.State,
		"pii_processing": []node{{"privacy_notice": n.Notice, "language": f.Language, "purpose": l.Purpose, "purpose_type": l.PurposeID, "lawful_basis": l.Basis,
			"pii_information": types, "pii_controllers": []string{f.Controller.Name}, "collection_method": method, "processing_method": "e-mail",
			"storage_locations": n.Storage, "processing_locations": n.Storage, "retention_period": n.Retention, "service": n.Service, "jurisdiction": n.Law,
			"recipient_third_parties": n.Recipients, "withdrawal_method": n.Withdrawal, "privacy_rights": n.Rights, "authority_party": n.Authority}},
		"parties": parties, "events": events, "consend:proof": "proofs/" + dec(f.Person.ID) + ".json"}
}

func partyNode(p proof.Party, role string, id int64) node {
	contact := p.Contact
	if contact == "" {
		contact = p.Email
	}
	return node{"party_id": dec(id), "party_name": p.Name, "party_address": strings.ReplaceAll(p.Address, "\n", ", "), "party_contact": contact, "party_email": p.Email,
		"party_type": "organisation", "party_role": role, "dpv:hasCountry": p.Country}
}
