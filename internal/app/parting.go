// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"slices"

	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/evidence"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/people/move"
	"consend/internal/people/once"
	"consend/internal/sending/campaign"
	"consend/internal/sending/message"
	"consend/internal/sending/relay"
)

// Parting is what every room deletes of people who go for good: here the rooms that don't know
// each other meet. TestACanaryIsWhereTheDataMapSaysAndNowhereElse holds it
// against the data map.
func Parting(tx *store.Tx, people []int64) error {
	signups, err := form.DropPeople(tx, people)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(signups, 1000) {
		message.DropPeople(tx, nil, part)
		relay.DropPeople(tx, nil, part)
	}
	message.DropPeople(tx, people, nil)
	relay.DropPeople(tx, people, nil)
	campaign.DropPeople(tx, people)
	importer.DropPeople(tx, people)
	move.DropPeople(tx, people)
	once.DropPeople(tx, people)
	if err := evidence.DropPeople(tx, people); err != nil {
		return err
	}
	consent.DropPeople(tx, people)
	return nil
}

// Holding tells to whom among some people something was sent, or is on its way.
func Holding(r store.Reader, people []int64) ([]int64, error) {
	sent, err := campaign.Held(r, people)
	if err != nil {
		return nil, err
	}
	told, err := once.Held(r, people)
	return append(sent, told...), err
}
