// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import "slices"

// CatalogueDate is the day the catalogue was looked through. What stands in it is where to
// begin: the person who adds a provider checks it and confirms (kind.md).
const CatalogueDate = "2026-11-24"

// Entry is a common provider as we know it.
type Entry struct {
	ID        string
	Name      string // what people call it
	Company   string // whom the contract is with, for customers in the EEA
	Country   string // of that company
	Contract  Contract
	DPA       string // where the agreement, or what leads to it, is published
	Mechanism Mechanism
	Addr      string // its submission server
	Implicit  bool   // TLS from the first byte
}

// Catalogue lists the common providers, those in the EEA first. None is recommended.
func Catalogue() []Entry {
	return []Entry{
		{ID: "brevo", Name: "Brevo", Company: "Sendinblue SAS", Country: "FR", Contract: IncorporatedByTerms, DPA: "https://www.brevo.com/legal/termsofuse/", Addr: "smtp-relay.brevo.com:587"},
		{ID: "mailjet", Name: "Mailjet", Company: "Mailjet SAS", Country: "FR", Contract: IncorporatedByTerms, DPA: "https://www.mailjet.com/legal/dpa/", Addr: "in-v3.mailjet.com:587"},
		{ID: "scaleway", Name: "Scaleway Transactional Email", Company: "Scaleway SAS", Country: "FR", Contract: IncorporatedByTerms, DPA: "https://www.scaleway.com/en/contracts/", Addr: "smtp.tem.scaleway.com:587"},
		{ID: "ovh", Name: "OVHcloud", Company: "OVH SAS", Country: "FR", Contract: IncorporatedByTerms, DPA: "https://www.ovhcloud.com/en-ie/terms-and-conditions/contracts/", Addr: "ssl0.ovh.net:465", Implicit: true},
		{ID: "ses", Name: "Amazon SES (Ireland)", Company: "Amazon Web Services EMEA SARL", Country: "LU", Contract: IncorporatedByTerms, DPA: "https://aws.amazon.com/service-terms/", Addr: "email-smtp.eu-west-1.amazonaws.com:587"},
		{ID: "google", Name: "Google Workspace", Company: "Google Cloud EMEA Limited", Country: "IE", Contract: IncorporatedByTerms, DPA: "https://cloud.google.com/terms/data-processing-addendum", Addr: "smtp-relay.gmail.com:587"},
		{ID: "microsoft", Name: "Microsoft 365", Company: "Microsoft Ireland Operations Limited", Country: "IE", Contract: IncorporatedByTerms, DPA: "https://www.microsoft.com/licensing/docs/view/Microsoft-Products-and-Services-Data-Protection-Addendum-DPA", Addr: "smtp.office365.com:587"},
		{ID: "sendgrid", Name: "Twilio SendGrid", Company: "Twilio Ireland Limited", Country: "IE", Contract: IncorporatedByTerms, DPA: "https://www.twilio.com/en-us/legal/data-protection-addendum", Addr: "smtp.sendgrid.net:587"},
		{ID: "infomaniak", Name: "Infomaniak", Company: "Infomaniak Network SA", Country: "CH", Contract: IncorporatedByTerms, DPA: "https://www.infomaniak.com/en/legal", Mechanism: Adequacy, Addr: "mail.infomaniak.com:587"},
		{ID: "mailgun", Name: "Mailgun (EU region)", Company: "Mailgun Technologies, Inc.", Country: "US", Contract: IncorporatedByTerms, DPA: "https://www.mailgun.com/legal/dpa/", Mechanism: DPF, Addr: "smtp.eu.mailgun.org:587"},
		{ID: "postmark", Name: "Postmark", Company: "AC PM LLC (ActiveCampaign)", Country: "US", Contract: IncorporatedByTerms, DPA: "https://postmarkapp.com/dpa", Mechanism: DPF, Addr: "smtp.postmarkapp.com:587"},
		{ID: "smtp2go", Name: "SMTP2GO", Company: "Sand Dune Mail Limited", Country: "NZ", Contract: IncorporatedByTerms, DPA: "https://www.smtp2go.com/privacy/", Mechanism: Adequacy, Addr: "mail.smtp2go.com:587"},
	}
}

// InCatalogue finds an entry.
func InCatalogue(id string) (Entry, bool) {
	list := Catalogue()
	i := slices.IndexFunc(list, func(e Entry) bool { return e.ID == id })
	if i < 0 {
		return Entry{}, false
	}
	return list[i], true
}
