// SPDX-License-Identifier: AGPL-3.0-or-later

package restore_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"consend/internal/app"
	"consend/internal/duty/restore"
	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/datamap"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/refusal"
	"consend/internal/sending/relay"
	"consend/internal/team/account"
	"consend/internal/testhouse"
	"consend/internal/trace"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// disk is a house whose main database can be copied and put back.
type disk struct {
	t     *testing.T
	c     *config.Config
	clock testhouse.Clock
	open  *app.House
	main  string // PostgreSQL: the database's URL
}

func each(t *testing.T, f func(t *testing.T, d *disk)) {
	for _, dialect := range []string{"sqlite", "postgres"} {
		t.Run(dialect, func(t *testing.T) {
			d := &disk{t: t}
			d.clock.Set(testhouse.Start)
			var err error
			d.c, err = config.Load(config.From{Environ: []string{"CONSEND_DATA=" + t.TempDir(), "CONSEND_LISTEN=127.0.0.1:8080"}})
			must(t, err)
			if dialect == "postgres" {
				urls := testhouse.Databases(t)
				d.main = urls[datamap.Main]
				d.c.Database, d.c.Keys, d.c.Archive = config.NewSecret(d.main), config.NewSecret(urls[datamap.Keys]), config.NewSecret(urls[datamap.Archive])
			}
			t.Cleanup(d.close)
			f(t, d)
		})
	}
}

func (d *disk) start(restored bool) (*app.House, error) {
	d.close()
	h, err := app.Open(ctx, d.c, app.Options{Clock: d.clock.Now, Restored: restored})
	d.open = h
	return h, err
}

func (d *disk) close() {
	if d.open != nil {
		d.open.Close()
		d.open = nil
	}
}

// copy copies the main database of a stopped house to a place, or back from it.
func (d *disk) copy(back bool) {
	d.t.Helper()
	d.close()
	if d.main == "" {
		from, to := filepath.Join(d.c.Data, "main.db"), filepath.Join(d.c.Data, "kept")
		if back {
			from, to = to, from
			os.Remove(to + "-wal")
			os.Remove(to + "-shm")
		}
		b, err := os.ReadFile(from)
		must(d.t, err)
		must(d.t, os.WriteFile(to, b, 0o600))
		return
	}
	u, err := url.Parse(d.main)
	must(d.t, err)
	name := strings.TrimPrefix(u.Path, "/")
	c, err := pgx.Connect(ctx, os.Getenv("CONSEND_TEST_POSTGRES"))
	must(d.t, err)
	defer c.Close(ctx)
	from, to := name, name+"_kept"
	if back {
		from, to = to, from
		_, err = c.Exec(ctx, "DROP DATABASE "+to+" WITH (FORCE)")
		must(d.t, err)
	} else {
		d.t.Cleanup(func() {
			if c, err := pgx.Connect(ctx, os.Getenv("CONSEND_TEST_POSTGRES")); err == nil {
				c.Exec(ctx, "DROP DATABASE IF EXISTS "+name+"_kept WITH (FORCE)")
				c.Close(ctx)
			}
		})
	}
	_, err = c.Exec(ctx, "CREATE DATABASE "+to+" TEMPLATE "+from)
	must(d.t, err)
}

// people of a house that sends to all of them.
type people struct {
	account    int64
	who        actor.Actor
	list, club int64
	relay      int64
	ids        map[string]int64
}

func (p *people) write(t *testing.T, h *app.House, f func(tx *store.Tx) error) {
	t.Helper()
	must(t, h.Main.Write(ctx, p.who, f))
}

func settle(t *testing.T, h *app.House) *people {
	t.Helper()
	p := &people{ids: map[string]int64{}}
	var err error
	p.account, err = account.Create(ctx, h.Main, h.Ring, actor.Actor{Kind: actor.Command, Name: "test"}, account.New{Kind: account.Own, Details: account.Details{
		Name: "Maison Exemple", Postal: "1 rue de l’Exemple\n69001 Lyon", Country: "FR"}})
	must(t, err)
	p.who = actor.Worker("test", p.account)
	p.write(t, h, func(tx *store.Tx) error {
		if p.list, err = list.EnsureNamed(tx, "Newsletter", "News"); err != nil {
			return err
		}
		if p.club, err = list.EnsureNamed(tx, "Club", "Club"); err != nil {
			return err
		}
		var relays []relay.Relay
		if relays, err = relay.All(tx); err != nil {
			return err
		}
		p.relay = relays[0].ID
		return nil
	})
	for _, name := range []string{"lea", "max", "zoe", "tom", "eva"} {
		p.person(t, h, name)
	}
	return p
}

func (p *people) person(t *testing.T, h *app.House, name string) {
	t.Helper()
	p.write(t, h, func(tx *store.Tx) error {
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must(name + "@example.org"), Source: "member"}})
		if err != nil {
			return err
		}
		p.ids[name] = rows[0].ID
		if _, err := contact.Key(tx, rows[0].ID); err != nil {
			return err
		}
		_, err = consent.Apply(tx, []consent.Event{{Contact: rows[0].ID, List: p.list, Kind: consent.Give, Basis: consent.ByConsent, Grade: consent.GradeB, Source: "import"}})
		return err
	})
}

// stands is where somebody stands on the list.
func (p *people) stands(t *testing.T, h *app.House, name string) (out consent.Status) {
	t.Helper()
	must(t, h.Main.View(ctx, p.who, func(v *store.View) error {
		all, err := consent.Standings(v, p.ids[name])
		for _, s := range all {
			if s.ListID == p.list {
				out = s.State
			}
		}
		return err
	}))
	return out
}

// may lists who the gate lets a campaign go to.
func (p *people) may(t *testing.T, h *app.House, names ...string) string {
	t.Helper()
	var out []string
	p.write(t, h, func(tx *store.Tx) error {
		out = nil
		var who []gate.Candidate
		for _, n := range names {
			who = append(who, gate.Candidate{Contact: p.ids[n]})
		}
		_, all, err := gate.Decide(tx, gate.Batch{Class: gate.Campaign, Campaign: 1, List: p.list, Relay: p.relay, Approval: 1}, who)
		for i, d := range all {
			if d.Reason == gate.OK {
				out = append(out, names[i])
			}
		}
		return err
	})
	return strings.Join(out, " ")
}

func TestAMainPutBackSendsNothingToWhoRefusedSinceAndSaysWhatWasLost(t *testing.T) {
	each(t, func(t *testing.T, d *disk) {
		h, err := d.start(false)
		must(t, err)
		p := settle(t, h)
		everybody := []string{"lea", "max", "zoe", "tom", "eva"}
		if got := p.may(t, h, everybody...); got != "lea max zoe tom eva" {
			t.Fatalf("before: %q", got)
		}
		must(t, trace.SealNow(ctx, h.Main))
		d.copy(false)

		// After the copy: a withdrawal, an objection, a deletion, a no of somebody new, and many ids.
		d.clock.Advance(3 * time.Hour)
		h, err = d.start(false)
		must(t, err)
		p.person(t, h, "new")
		var highest int64
		var key keys.Ref
		p.write(t, h, func(tx *store.Tx) error {
			if _, err := consent.Leave(tx, consent.Leaving{Contact: p.ids["lea"], Scope: consent.Scope{Reach: consent.OneList, ID: p.list}, Kind: consent.Withdraw, Source: "page"}); err != nil {
				return err
			}
			if _, err := consent.Leave(tx, consent.Leaving{Contact: p.ids["max"], Scope: consent.Everything, Kind: consent.Object, Source: "page"}); err != nil {
				return err
			}
			if _, err := consent.Leave(tx, consent.Leaving{Contact: p.ids["new"], Scope: consent.Everything, Kind: consent.Withdraw, Source: "page"}); err != nil {
				return err
			}
			fp, err := contact.FP(tx, address.Must("bea@example.org")) // who said "not me"
			if err != nil {
				return err
			}
			if err := form.Block(tx, fp); err != nil {
				return err
			}
			person, err := contact.Person(tx, p.ids["zoe"])
			key = person.Key
			return err
		})
		must(t, h.Main.Purge(ctx, p.who, "test", func(tx *store.Tx) error {
			_, err := contact.Drop(tx, []int64{p.ids["zoe"]}, "test")
			for range 1000 {
				highest = tx.ID()
			}
			return err
		}))
		must(t, contact.Forget(ctx, h.Main))
		must(t, h.Jobs.Settle(ctx))
		must(t, trace.SealNow(ctx, h.Main))
		before, err := h.Log.Size(ctx)
		must(t, err)

		d.copy(true)
		refused := func(key string) {
			t.Helper()
			_, err := d.start(false)
			if err == nil || fault.KindOf(err) != fault.Refused || fault.All(err)[0].Key != key {
				t.Fatalf("start: %v, want %s", err, key)
			}
		}
		refused("trace.behind")
		h, err = d.start(true)
		must(t, err)
		s, err := restore.Look(ctx, h.Restore())
		must(t, err)
		if !s.Behind() || s.Lost[0].Size != before || s.Proved != s.Head.Size || s.Refused < 5 || s.Strange != 0 {
			t.Errorf("%d of %d entries, %d proved, %d refusals lacking, %d strange", s.Head.Size, s.Lost[0].Size, s.Proved, s.Refused, s.Strange)
		}
		if _, err := restore.Accept(ctx, h.Restore(), "", "a reason"); fault.KindOf(err) != fault.Invalid {
			t.Errorf("accepted by nobody: %v", err)
		}
		// A kill before the checkpoints are set aside: the start is refused still, and it begins again.
		h.Archive.SetHook(func(q string) error {
			if q == "trace.put_restore" {
				return fmt.Errorf("killed")
			}
			return nil
		})
		if d, err := restore.Accept(ctx, h.Restore(), "Rosalie Martin", "the disk died"); err == nil || d.Replayed < 6 || d.Erased != 1 {
			t.Fatalf("%d refusals replayed, %d people deleted, %v", d.Replayed, d.Erased, err)
		} else if d.Entry <= highest {
			t.Errorf("the restore's entry is %d, and %d was given before", d.Entry, highest)
		}
		refused("trace.behind")
		h, err = d.start(true)
		must(t, err)
		done, err := restore.Accept(ctx, h.Restore(), "Rosalie Martin", "the disk died")
		must(t, err)
		if done.Replayed != 0 {
			t.Errorf("%d refusals replayed again", done.Replayed)
		}

		h, err = d.start(false)
		must(t, err)
		if got := p.may(t, h, everybody...); got != "tom eva" {
			t.Errorf("after the restore mail may go to %q", got)
		}
		must(t, h.Main.View(ctx, p.who, func(v *store.View) error {
			if _, err := contact.Get(v, p.ids["zoe"]); !fault.Is(err, fault.NotFound) {
				t.Errorf("who was deleted is back: %v", err)
			}
			return nil
		}))
		if _, err := h.Ring.Subject(p.account, key); err == nil {
			t.Error("a destroyed key opens again")
		}
		if lea, max := p.stands(t, h, "lea"), p.stands(t, h, "max"); lea != consent.Withdrawn || max != consent.Withdrawn {
			t.Errorf("on the list stand %s and %s", lea, max)
		}
		// Somebody whom the copy doesn't know comes back by an import: the no is known.
		p.person(t, h, "new")
		if got := p.may(t, h, "new"); got != "" {
			t.Error("who refused after the copy may be written to")
		}
		must(t, h.Main.View(ctx, p.who, func(v *store.View) error {
			n, err := store.One[int64](v, store.Account("test.blocks", `SELECT count(*) FROM confirm_block b WHERE b.account_id = :account`))
			if n != 1 {
				t.Errorf("%d mailboxes said \"not me\"", n)
			}
			return err
		}))
		must(t, trace.SealNow(ctx, h.Main))
		v, err := h.Log.Verify(ctx, trace.Check{Salts: contact.Salts})
		must(t, err)
		if !v.Holds() || len(v.Restores) == 0 || v.Restores[0].From != before || v.Restores[0].To != s.Head.Size {
			t.Errorf("verify: %v, restores %+v", v.Found, v.Restores)
		}
		if _, err := restore.Accept(ctx, h.Restore(), "Rosalie Martin", "again"); fault.KindOf(err) != fault.Conflict {
			t.Errorf("a whole main was accepted: %v", err)
		}
		must(t, h.Main.View(ctx, actor.System("test"), func(v *store.View) error {
			n, err := store.One[int64](v, store.Installation("test.restores", "test", `SELECT count(*) FROM trace_entry WHERE action = 'restore.accept'`))
			if n != 2 { // the one that was killed wrote its own
				t.Errorf("%d entries tell of the restore", n)
			}
			return err
		}))

		// The same copy once more: what was replayed is in the ledger by its own lines.
		d.copy(true)
		refused("trace.behind")
		h, err = d.start(true)
		must(t, err)
		if _, err = restore.Accept(ctx, h.Restore(), "Rosalie Martin", "the disk died twice"); err != nil {
			t.Fatal(err)
		}
		h, err = d.start(false)
		must(t, err)
		if got := p.may(t, h, everybody...); got != "tom eva" {
			t.Errorf("after a second restore mail may go to %q", got)
		}
	})
}

// TestAMainThatLacksOnlyRefusalsDoesNotStart: the log outside says no more than main, the ledger does.
func TestAMainThatLacksOnlyRefusalsDoesNotStart(t *testing.T) {
	each(t, func(t *testing.T, d *disk) {
		h, err := d.start(false)
		must(t, err)
		p := settle(t, h)
		must(t, trace.SealNow(ctx, h.Main))
		d.copy(false)
		h, err = d.start(false)
		must(t, err)
		p.write(t, h, func(tx *store.Tx) error {
			_, err := consent.Leave(tx, consent.Leaving{Contact: p.ids["lea"], Scope: consent.Scope{Reach: consent.OneList, ID: p.list}, Kind: consent.Withdraw, Source: "page"})
			return err
		})
		must(t, h.Jobs.Settle(ctx)) // nothing is sealed since the copy
		d.copy(true)
		if _, err := d.start(false); err == nil || fault.All(err)[0].Key != "restore.refusals" {
			t.Fatalf("start: %v", err)
		}
		h, err = d.start(true)
		must(t, err)
		if _, err := restore.Accept(ctx, h.Restore(), "Rosalie Martin", "the disk died"); err != nil {
			t.Fatal(err)
		}
		h, err = d.start(false)
		must(t, err)
		if got := p.may(t, h, "lea", "tom"); got != "tom" {
			t.Errorf("mail may go to %q", got)
		}
	})
}

// "Not me" is said by the person alone, and the house replays it all the same.
func TestANotMeSinceTheCopyHoldsAgain(t *testing.T) {
	each(t, func(t *testing.T, d *disk) {
		h, err := d.start(false)
		must(t, err)
		p := settle(t, h)
		must(t, trace.SealNow(ctx, h.Main))
		d.copy(false)
		h, err = d.start(false)
		must(t, err)
		must(t, h.Main.Write(ctx, actor.Actor{Kind: actor.Subject, Account: p.account}, func(tx *store.Tx) error {
			_, err := consent.Apply(tx, []consent.Event{{Contact: p.ids["lea"], List: p.list, Kind: consent.NotMe, Source: "form"}})
			return err
		}))
		must(t, h.Jobs.Settle(ctx))
		d.copy(true)
		h, err = d.start(true)
		must(t, err)
		if _, err := restore.Accept(ctx, h.Restore(), "Rosalie Martin", "the disk died"); err != nil {
			t.Fatal(err)
		}
		h, err = d.start(false)
		must(t, err)
		if got := p.stands(t, h, "lea"); got != consent.Refused {
			t.Errorf("on the list stands %s", got)
		}
		if got := p.may(t, h, "lea", "tom"); got != "tom" {
			t.Errorf("mail may go to %q", got)
		}
	})
}

// TestAMainThatWentAnotherWayIsNotAccepted: it is no smaller than a checkpoint that contradicts it.
func TestAMainThatWentAnotherWayIsNotAccepted(t *testing.T) {
	each(t, func(t *testing.T, d *disk) {
		h, err := d.start(false)
		must(t, err)
		p := settle(t, h)
		must(t, trace.SealNow(ctx, h.Main))
		d.copy(false)
		d.clock.Advance(48 * time.Hour)
		h, err = d.start(false)
		must(t, err)
		p.person(t, h, "new")
		must(t, trace.SealNow(ctx, h.Main))
		d.copy(true)
		d.clock.Advance(48 * time.Hour) // the copy of the other day stays outside
		h, err = d.start(true)
		must(t, err)
		for _, name := range []string{"ada", "ben", "cem"} {
			p.person(t, h, name)
		}
		must(t, trace.SealNow(ctx, h.Main))
		if _, err := restore.Accept(ctx, h.Restore(), "Rosalie Martin", "the disk died"); err == nil || fault.KindOf(err) != fault.Refused || fault.All(err)[0].Key != "trace.another" {
			t.Errorf("another history was accepted: %v", err)
		}
	})
}

// TestAMainThatWasChangedIsNotAccepted: a copy that was changed is no earlier state.
func TestAMainThatWasChangedIsNotAccepted(t *testing.T) {
	each(t, func(t *testing.T, d *disk) {
		h, err := d.start(false)
		must(t, err)
		p := settle(t, h)
		must(t, trace.SealNow(ctx, h.Main))
		d.copy(false)
		d.clock.Advance(time.Hour)
		h, err = d.start(false)
		must(t, err)
		p.person(t, h, "new")
		must(t, trace.SealNow(ctx, h.Main))
		d.copy(true)
		h, err = d.start(true)
		must(t, err)
		must(t, h.Main.Purge(ctx, actor.System("test"), "test", func(tx *store.Tx) error {
			tx.Do(store.Installation("test.change", "test", `UPDATE trace_entry SET clear = replace(clear, 'grade B', 'grade A')`))
			return nil
		}))
		if _, err := restore.Accept(ctx, h.Restore(), "Rosalie Martin", "the disk died"); err == nil || fault.All(err)[0].Key != "trace.found.changed" {
			t.Errorf("a copy that was changed was accepted: %v", err)
		}
	})
}

var shutAt = store.Installation("test.shut_at", "test", `SELECT m.shut_at FROM mailbox_shut m WHERE m.fp = ?`)

// What a person chose, what a mailbox said to all accounts, and another tool's hashes: whatever of it was said since
// the copy holds again, and what was taken back or has ended doesn't come back. Twice over the same copy.
func TestAPauseAPaceAShutMailboxAndAHashSinceTheCopyHoldAgain(t *testing.T) {
	each(t, func(t *testing.T, d *disk) {
		h, err := d.start(false)
		must(t, err)
		p := settle(t, h)
		second, err := account.Create(ctx, h.Main, h.Ring, actor.Actor{Kind: actor.Command, Name: "test"}, account.New{Kind: account.Customer, Details: account.Details{
			Name: "Autre Maison", Postal: "2 rue de l’Exemple\n69001 Lyon", Country: "FR"}})
		must(t, err)
		herself := func(name string, f func(tx *store.Tx, id int64) error) {
			t.Helper()
			d.clock.Advance(time.Minute)
			must(t, h.Main.Write(ctx, actor.Actor{Kind: actor.Subject, Account: p.account, ID: p.ids[name]}, func(tx *store.Tx) error { return f(tx, p.ids[name]) }))
		}
		pause := func(name string, months int) {
			t.Helper()
			herself(name, func(tx *store.Tx, id int64) error { return contact.Pause(tx, id, months, time.UTC) })
		}
		pace := func(name string, pace contact.Pace) {
			t.Helper()
			herself(name, func(tx *store.Tx, id int64) error { return contact.Slow(tx, id, pace) })
		}
		mailbox := func(account int64, fp, kind string) {
			t.Helper()
			d.clock.Advance(time.Minute)
			must(t, h.Main.Write(ctx, actor.Worker("test", account), func(tx *store.Tx) error {
				_, err := form.HoldAgain(tx, refusal.Refusal{At: tx.Now, FP: []byte(strings.Repeat(fp, 16)), Kind: kind, Scope: refusal.Mailbox})
				return err
			}))
		}
		pause("lea", 6)
		pace("tom", contact.PaceMonth)
		must(t, h.Jobs.Settle(ctx))
		must(t, trace.SealNow(ctx, h.Main))
		d.copy(false)

		h, err = d.start(false)
		must(t, err)
		pause("eva", 1) // it will have ended
		d.clock.Advance(35 * 24 * time.Hour)
		pause("lea", 0)
		pause("max", 3)
		pace("max", contact.PaceMonth)
		pace("max", contact.PaceWeek)
		pause("zoe", 3)
		pause("zoe", 0)
		pace("tom", contact.PaceAll)
		mailbox(p.account, "1", string(consent.NotMe)) // once is not enough
		mailbox(p.account, "2", string(consent.NotMe))
		mailbox(second, "2", string(consent.NotMe))
		mailbox(p.account, "3", refusal.Shut)
		mailbox(second, "3", refusal.Open)
		mailbox(p.account, "4", refusal.Shut)
		mailbox(second, "4", refusal.Open)
		mailbox(p.account, "4", refusal.Shut)
		d.clock.Advance(time.Minute)
		p.write(t, h, func(tx *store.Tx) error {
			_, err := consent.RefuseSet(tx, []consent.Told{{Kind: consent.SHA256, Hash: consent.SHA256.Of("tom@example.org"), Cause: consent.Unsubscribed, Scope: consent.Everything},
				{Kind: consent.MD5, Hash: consent.MD5.Of("ida@example.org"), Cause: consent.Objected, Scope: consent.Scope{Reach: consent.OneList, ID: p.list}}}, 0)
			return err
		})
		must(t, h.Jobs.Settle(ctx))
		must(t, trace.SealNow(ctx, h.Main))

		for range 2 {
			d.copy(true)
			d.clock.Advance(time.Hour)
			h, err = d.start(true)
			must(t, err)
			_, err := restore.Accept(ctx, h.Restore(), "Rosalie Martin", "the disk died")
			must(t, err)
			h, err = d.start(false)
			must(t, err)
			now := legalclock.MomentOf(d.clock.Now())
			must(t, h.Main.View(ctx, p.who, func(v *store.View) error {
				for name, want := range map[string]struct {
					paused bool
					pace   contact.Pace
				}{"lea": {}, "max": {true, contact.PaceWeek}, "zoe": {}, "tom": {}, "eva": {}} {
					c, err := contact.Get(v, p.ids[name])
					if err != nil {
						return err
					}
					if got := c.PausedUntil > now; got != want.paused || c.Pace != want.pace {
						t.Errorf("%s: paused %v, pace %d", name, got, c.Pace)
					}
					if name == "eva" && c.PausedUntil != 0 {
						t.Error("a pause that has ended came back")
					}
				}
				for fp, want := range map[string]bool{"1": false, "2": true, "3": false, "4": true} {
					at, err := store.All[int64](v, shutAt, []byte(strings.Repeat(fp, 16)))
					if got := len(at) == 1 && at[0] != 0; err != nil || got != want || fp == "1" && len(at) != 1 {
						t.Errorf("mailbox %s: %v %v", fp, at, err)
					}
				}
				return nil
			}))
			if got := p.may(t, h, "lea", "zoe", "tom"); got != "lea zoe" { // Tom is named by a hash
				t.Errorf("mail may go to %q", got)
			}
			p.person(t, h, "ida")
			if got := p.may(t, h, "ida"); got != "" {
				t.Error("who is named by a hash comes, and may be written to")
			}
			must(t, h.Jobs.Settle(ctx))
			must(t, trace.SealNow(ctx, h.Main))
		}
	})
}
