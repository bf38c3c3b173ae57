// SPDX-License-Identifier: AGPL-3.0-or-later

package shell

import "slices"

// Permission names what a route lets somebody do. Every route that is not public
// has one; a new permission needs a line in grants and words in the catalogue.
type Permission string

// The permissions of account members.
const (
	HomeRead       Permission = "home.read"
	ContactsRead   Permission = "contacts.read"   // look at people
	ContactsWrite  Permission = "contacts.write"  // add, correct, put on and off lists
	ContactsExport Permission = "contacts.export" // take people's data out of the house
	ContactsErase  Permission = "contacts.erase"
	ImportWrite    Permission = "import.write"
	ListsRead      Permission = "lists.read" // lists, purposes, segments, attributes
	ListsWrite     Permission = "lists.write"
	FormsRead      Permission = "forms.read"
	FormsWrite     Permission = "forms.write"
	CampaignsRead  Permission = "campaigns.read"
	CampaignsWrite Permission = "campaigns.write"
	CampaignsSend  Permission = "campaigns.send" // approve, schedule, start, stop
	ServiceRead    Permission = "service.read"   // service mail: log and templates
	ServiceWrite   Permission = "service.write"
	ReportsRead    Permission = "reports.read"
	PrivacyRead    Permission = "privacy.read"
	PrivacyWrite   Permission = "privacy.write" // answer requests, retention, texts
	TraceRead      Permission = "trace.read"
	SettingsRead   Permission = "settings.read"
	SettingsWrite  Permission = "settings.write" // senders, domains, sending services, account
	KeysWrite      Permission = "keys.write"     // API and SMTP keys, webhooks
	TeamWrite      Permission = "team.write"     // invite, change roles
	ProvidersWrite Permission = "providers.write"
	LegalSign      Permission = "legal.sign" // accept terms, sign evidence as the owner's word
	AccountClose   Permission = "account.close"
	MeWrite        Permission = "me.write" // one's own profile, sessions, preferences
)

// The roles of an account's members.
const (
	Owner  = "owner"
	Admin  = "admin"
	Editor = "editor"
	Viewer = "viewer"
)

// grants is the whole table of who may do what. Read it by line.
var grants = map[Permission][]string{
	HomeRead:       {Owner, Admin, Editor, Viewer},
	ContactsRead:   {Owner, Admin, Editor, Viewer},
	ContactsWrite:  {Owner, Admin, Editor},
	ContactsExport: {Owner, Admin},
	ContactsErase:  {Owner, Admin},
	ImportWrite:    {Owner, Admin, Editor},
	ListsRead:      {Owner, Admin, Editor, Viewer},
	ListsWrite:     {Owner, Admin, Editor},
	FormsRead:      {Owner, Admin, Editor, Viewer},
	FormsWrite:     {Owner, Admin, Editor},
	CampaignsRead:  {Owner, Admin, Editor, Viewer},
	CampaignsWrite: {Owner, Admin, Editor},
	CampaignsSend:  {Owner, Admin},
	ServiceRead:    {Owner, Admin, Editor, Viewer},
	ServiceWrite:   {Owner, Admin, Editor},
	ReportsRead:    {Owner, Admin, Editor, Viewer},
	PrivacyRead:    {Owner, Admin, Editor, Viewer},
	PrivacyWrite:   {Owner, Admin},
	TraceRead:      {Owner, Admin},
	SettingsRead:   {Owner, Admin, Editor, Viewer},
	SettingsWrite:  {Owner, Admin},
	KeysWrite:      {Owner, Admin},
	TeamWrite:      {Owner, Admin},
	ProvidersWrite: {Owner, Admin},
	LegalSign:      {Owner},
	AccountClose:   {Owner},
	MeWrite:        {Owner, Admin, Editor, Viewer},
}

// Roles lists the roles, most powerful first.
func Roles() []string { return []string{Owner, Admin, Editor, Viewer} }

// Permissions lists all permissions, sorted.
func Permissions() []Permission {
	var all []Permission
	for p := range grants {
		all = append(all, p)
	}
	slices.Sort(all)
	return all
}

// Known tells whether the permission stands in the table.
func (p Permission) Known() bool { _, ok := grants[p]; return ok }

// Allows tells whether a role holds the permission. An unknown role or permission holds nothing.
func (p Permission) Allows(role string) bool { return slices.Contains(grants[p], role) }

// Holders lists the roles that hold the permission, for "who can grant this".
func (p Permission) Holders() []string { return slices.Clone(grants[p]) }
