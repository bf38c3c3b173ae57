// SPDX-License-Identifier: AGPL-3.0-or-later

package segment

import (
	"slices"

	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/list"
)

// Count is how many people a description holds for. It looks at each of them.
// Faults: those of Where.
func Count(r store.Reader, d Definition) (int64, error) {
	p, err := Where(r, d)
	if err != nil {
		return 0, err
	}
	return store.One[int64](r, p.Into(count), p.Args...)
}

// Sample gives the newest people a description holds for, by number. Faults: those of Where.
func Sample(r store.Reader, d Definition, n int) ([]int64, error) {
	p, err := Where(r, d)
	if err != nil {
		return nil, err
	}
	return Newest(r, p, 0, n)
}

// Newest pages through people, newest first: those before a number (0: from the newest).
func Newest(r store.Reader, p Predicate, before int64, limit int) ([]int64, error) {
	if before == 0 {
		before = 1 << 62
	}
	return store.All[int64](r, p.Into(page), append(slices.Clone(p.Args), before, limit)...)
}

// Oldest pages through people, oldest first: those after a number.
func Oldest(r store.Reader, p Predicate, after int64, limit int) ([]int64, error) {
	return store.All[int64](r, p.Into(members), append(slices.Clone(p.Args), after, limit)...)
}

// Members gives a segment's people in the order of their numbers, those after one, at most limit.
// Faults: those of Where.
func Members(r store.Reader, d Definition, after int64, limit int) ([]int64, error) {
	p, err := Where(r, d)
	if err != nil {
		return nil, err
	}
	return Oldest(r, p, after, limit)
}

// LeftOut counts a segment's people by the reason why they may not be written to about a list;
// the reason "" is those who may. Faults: those of Where, list.none.
func LeftOut(r store.Reader, d Definition, listID int64) ([]consent.Tally, error) {
	if _, err := list.Get(r, listID); err != nil {
		return nil, err
	}
	p, err := Where(r, d)
	if err != nil {
		return nil, err
	}
	g, err := consent.GroundOf(r)
	if err != nil {
		return nil, err
	}
	out, err := store.All[consent.Tally](r, p.Into(leftOut), slices.Concat(g.Args(), []any{listID}, p.Args)...)
	slices.SortFunc(out, func(a, b consent.Tally) int { return int(b.People - a.People) })
	return out, err
}
