// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"encoding/json"
	"strings"

	"consend/internal/people/consent"
	"consend/internal/trace/proof"
)

// The records of a bundle as linked data: consent records by ISO/IEC TS 27560:2023 in the
// profile of DPV (docs/formats/bundle.md). What rests on something else than consent is no consent
// record: it has the same fields, as a record of processing with its legal basis. Terms that DPV has
// no name for bear ours.
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

// legal are the legal bases as DPV calls them, and the rule beside the GDPR where there is one.
var legal = map[consent.Basis]struct{ term, rule string }{
	consent.ByConsent:     {term: "dpv:Consent"},
	consent.SoftOptIn:     {"dpv:LegitimateInterest", "Directive 2002/58/EC, Article 13(2)"}, // existing customers: no consent
	consent.B2B:           {term: "dpv:LegitimateInterest"},
	consent.Contract:      {term: "dpv:Contract"},
	consent.Member:        {term: "dpv:Contract"},
	consent.PublicTask:    {term: "dpv:PublicInterest"},
	consent.NonCommercial: {term: "dpv:LegitimateInterest"},
}

// basisOf is what a subscription rests on, or rested on last; "" where nothing ever was but a request or a no.
func basisOf(l *proof.List) consent.Basis {
	b := consent.Basis(l.Basis)
	for i := len(l.Events) - 1; b == "" && i >= 0; i-- {
		b = consent.Basis(l.Events[i].Facts.Basis)
	}
	return b
}

func record(f *proof.File, l *proof.List) node {
	n := plain(f, l)
	b := basisOf(l)
	if b != "" {
		n["consend:basis"] = b
	}
	if t := legal[b]; t.term != "" {
		n["dpv:hasLegalBasis"] = node{"@id": t.term}
		if t.rule != "" {
			n["consend:rule"] = t.rule
		}
	}
	if b == "" || b == consent.ByConsent {
		n["@type"], n["dct:conformsTo"], n["schema_version"], n["dpv:hasConsentStatus"] = "dpv:ConsentRecord", proof.Profile, "ISO/IEC TS 27560:2023", l.State
		return n
	}
	n["@type"], n["consend:state"] = "dpv:DataProcessingRecord", l.State
	return n
}

// plain are the fields that both sorts of records have.
func plain(f *proof.File, l *proof.List) node {
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
		kind, until := "dpv:ConsentStatus", "until withdrawn"
		if b := e.Facts.Basis; b != "" && b != string(consent.ByConsent) {
			kind, until = "consend:Event", "until objected to"
		}
		events = append(events, node{"@type": kind, "event_time": e.Facts.Occurred, "validity_duration": until, "entity_id": e.Facts.Actor,
			"event_type": e.Facts.Event, "event_state": e.Facts.State, "consend:recorded": e.Facts.Recorded, "consend:confirmed": e.Facts.Confirmed,
			"consend:seq": e.Facts.Seq, "consend:entry": e.Entry.ID, "lawful_basis": e.Facts.Basis, "consend:grade": e.Facts.Grade})
	}
	parties := []node{partyNode(f.Controller, "pii_controller", f.Account)}
	if f.Processor != nil {
		parties = append(parties, partyNode(*f.Processor, "pii_processor", 1))
	}
	id := dec(f.Account) + "-" + dec(f.Person.ID) + "-" + dec(l.ID)
	return node{"@id": "urn:consend:record:" + id, "dct:created": f.Made, "record_id": id, "pii_principal_id": dec(f.Person.ID),
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
