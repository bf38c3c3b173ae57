// SPDX-License-Identifier: AGPL-3.0-or-later

// Package demo promises one small fictional house whose people are in every state that
// matters: what `consend serve --demo` shows, and what tests call by name. They come about
// through the verbs, under a clock that runs from two years ago to now, so that every ledger,
// proof and seal is real. All addresses are of example domains (RFC 2606): they reach nobody.
//
// It leaves to app to open the house, and to the rooms what a state means.
package demo

import (
	"consend/internal/ground/pii"
	"consend/internal/mail/address"
)

// Person is one of the people. Story says how they came to stand where they stand.
type Person struct {
	Name, Email       string
	Language, Country string
	Story             string
}

// Address is the person's address.
func (p Person) Address() address.Address { return address.Must(p.Email) }

// Called is the person's name.
func (p Person) Called() pii.Text { return pii.T(p.Name) }

// The house, its owner and how they come in.
const (
	HouseName     = "Maison Thym"
	HousePostal   = "12 rue des Jardins\n69001 Lyon"
	OwnerName     = "Camille Roche"
	OwnerEmail    = "camille@maison-thym.example"
	OwnerPassword = "thym, romarin & sauge"
)

// The people, by name.
var (
	Lea    = Person{"Léa Marchand", "lea.marchand@jardin.example", "fr", "FR", "confirmed on our form: grade A"}
	Oliver = Person{"Oliver Hart", "oliver.hart@harbour.example", "en", "IE", "confirmed on our form, in English: grade A"}
	Chloe  = Person{"Chloé Saint-Hilaire", "chloe@potager.example", "fr", "BE", "confirmed, then chose workshops only"}
	Nadia  = Person{"Nadia Benali", "nadia.benali@oasis.example", "fr", "FR", "asked on our form, never confirmed"}
	Tom    = Person{"Tom Baker", "tom.baker@orchard.example", "en", "NL", "confirmed, and left in one click after a campaign"}
	Ingrid = Person{"Ingrid Olsen", "ingrid.olsen@fjord.example", "en", "DK", "confirmed, then said no to all marketing"}
	Paul   = Person{"Paul Petit", "paul.petit@vigne.example", "fr", "FR", "confirmed; the mailbox no longer exists"}
	Sofia  = Person{"Sofia Rossi", "sofia.rossi@oliveto.example", "en", "IT", "somebody typed her address: she said it was not her"}
	Amelie = Person{"Amélie Dubois", "amelie.dubois@verger.example", "fr", "FR", "came from another tool with moment and words: grade B"}
	Mehmet = Person{"Mehmet Yılmaz", "mehmet.yilmaz@bahce.example", "en", "DE", "signed a sheet at a market, photo kept: grade C"}
	Greta  = Person{"Greta Klein", "greta.klein@kraeuter.example", "en", "DE", "signed up on the old site: the owner's word, grade D"}
	Hugo   = Person{"Hugo Lambert", "hugo.lambert@serre.example", "fr", "FR", "nobody knows where from: waits for proof"}
	Yusuf  = Person{"Yusuf Demir", "yusuf.demir@bostan.example", "en", "AT", "confirmed, then asked to be frozen while it is looked into"}
)

// People lists them all.
func People() []Person {
	return []Person{Lea, Oliver, Chloe, Nadia, Tom, Ingrid, Paul, Sofia, Amelie, Mehmet, Greta, Hugo, Yusuf}
}

// confirmed are those who answered the confirmation mail.
func confirmed() []Person { return []Person{Lea, Oliver, Chloe, Tom, Ingrid, Paul, Yusuf} }
