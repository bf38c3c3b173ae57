// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"consend/internal/chain/processor"
	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/pii"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/people/once"
	"consend/internal/sending/campaign"
	"consend/internal/sending/sender"
	"consend/internal/sending/template"
	"consend/internal/testhouse"
)

func TestACampaignReachesEachPersonItMayReachOnce(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		ids := p.people(t, p.list, consent.GradeB, 450)
		gone, objected := ids[3], ids[7]
		p.write(t, func(tx *store.Tx) error {
			if _, err := consent.Leave(tx, consent.Leaving{Contact: gone, Scope: consent.Scope{Reach: consent.OneList, ID: p.list}, Kind: consent.Withdraw}); err != nil {
				return err
			}
			_, err := consent.Leave(tx, consent.Leaving{Contact: objected, Scope: consent.Everything, Kind: consent.Object})
			return err
		})
		a := view(t, p, func(v *store.View) (campaign.Audience, error) { return campaign.For(v, []int64{p.list}, nil) })
		if a.People != 448 || a.OutTotal() != 2 || a.Grades[consent.GradeB] != 448 {
			t.Errorf("%+v", a)
		}
		id := p.approved(t, []int64{p.list}, nil)
		p.settle(t)
		p.is(t, id, "accepted 448, left_out 2")
		if c := p.get(t, id); c.State != campaign.Sent || c.Frozen != 450 || c.FrozenOut != 2 || c.EndedAt == 0 || c.Holder != 0 {
			t.Errorf("%+v", c)
		}
		if p.sink.count() != 448 || p.sink.twice() != 0 || len(p.sink.ids) != 448 {
			t.Errorf("the sink has %d, %d of them twice, %d ids", p.sink.count(), p.sink.twice(), len(p.sink.ids))
		}
		for _, who := range []int64{gone, objected} {
			if p.sink.has(p.email(t, who)) {
				t.Error("a person who said no got it")
			}
		}
		row, permit := p.why(t, id, ids[0])
		if row.State != campaign.Accepted || row.Basis != consent.ByConsent || row.Grade != consent.GradeB || row.EventID == 0 || row.Code != 250 || permit.CampaignID != id || permit.RelayID == 0 {
			t.Errorf("%+v %+v", row, permit)
		}
		if row, _ := p.why(t, id, gone); row.State != campaign.Out || row.Reason != string(consent.HasLeft) {
			t.Errorf("%+v", row)
		}
		done := view(t, p, func(v *store.View) ([]contact.Done, error) { return contact.Activities(v, ids[0]) })
		if len(done) != 1 || done[0].Kind != contact.Sent {
			t.Errorf("last sent: %+v", done)
		}
		p.settle(t)
		if p.sink.count() != 448 {
			t.Error("sent again")
		}
	})
}

func (p *place) why(t testing.TB, id, person int64) (campaign.Recipient, gate.Given) {
	t.Helper()
	type both struct {
		campaign.Recipient
		gate.Given
	}
	b := view(t, p, func(v *store.View) (b both, err error) {
		b.Recipient, b.Given, err = campaign.Why(v, id, person)
		return b, err
	})
	return b.Recipient, b.Given
}

func TestTheMessageIsWhatWasApproved(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		ids := p.people(t, p.list, consent.GradeB, 1)
		pre, err := sender.Prepare("example.com")
		must(t, err)
		p.write(t, func(tx *store.Tx) error { _, err := sender.AddDomain(tx, pre); return err })
		id := p.approved(t, []int64{p.list}, nil)
		p.write(t, func(tx *store.Tx) error {
			return sender.Change(tx, p.sender, 0, sender.New{Name: "Somebody else", Email: address.Must("other@example.com")})
		})
		p.settle(t)
		p.is(t, id, "accepted 1")
		raw := string(p.sink.raw[p.email(t, ids[0])])
		for _, want := range []string{"From: Maison <news@example.com>", "Subject: Hello Person 0", "List-Unsubscribe: <https://mail.example.com/u/", "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
			"DKIM-Signature:", "List-Id: <", "@example.com>", "News for person0@example.org", "1 rue de l=E2=80=99Exemple"} {
			if !strings.Contains(raw, want) {
				t.Errorf("no %q in\n%s", want, raw)
			}
		}
		// The link to the choices tells for which address it was made.
		var marks *contact.Marks
		p.write(t, func(tx *store.Tx) (err error) { marks, err = contact.NewMarks(tx); return err })
		_, at, _ := strings.Cut(decoded(p.sink.raw[p.email(t, ids[0])]), "/p/")
		link, err := token.Parse(at[:strings.IndexFunc(at, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })])
		if err != nil || len(link.Objects) != 2 || link.Objects[1] != marks.Of(address.Must("Person0@example.org")) {
			t.Errorf("the link to the choices: %+v, %v", link, err)
		}
		err = h.Main.Write(context.Background(), p.who, func(tx *store.Tx) error {
			return campaign.SetWords(tx, id, 0, campaign.Words{Name: "x", Kind: template.HTML})
		})
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("an approved campaign was changed: %v", err)
		}
	})
}

func TestListsAreJoinedAndOthersTakenAway(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		var second, minus int64
		p.write(t, func(tx *store.Tx) (err error) {
			if second, err = list.EnsureNamed(tx, "Newsletter", "Second"); err == nil {
				minus, err = list.EnsureNamed(tx, "Newsletter", "Staff")
			}
			return err
		})
		ids := p.people(t, p.list, consent.GradeB, 10)
		both := func(to int64, some []int64) {
			p.write(t, func(tx *store.Tx) error {
				var e []consent.Event
				for _, id := range some {
					e = append(e, consent.Event{Contact: id, List: to, Kind: consent.Give, Basis: consent.ByConsent, Grade: consent.GradeC, Source: "import"})
				}
				_, err := consent.Apply(tx, e)
				return err
			})
		}
		both(second, ids[:5])
		both(minus, ids[8:])
		p.write(t, func(tx *store.Tx) error { // no to the first list alone: the second still may
			_, err := consent.Leave(tx, consent.Leaving{Contact: ids[0], Scope: consent.Scope{Reach: consent.OneList, ID: p.list}, Kind: consent.Withdraw})
			return err
		})
		id := p.approved(t, []int64{p.list, second}, []int64{minus})
		p.settle(t)
		p.is(t, id, "accepted 8, left_out 2")
		if row, _ := p.why(t, id, ids[0]); row.ListID != second || row.Grade != consent.GradeC {
			t.Errorf("%+v", row)
		}
		if row, _ := p.why(t, id, ids[9]); row.Reason != string(campaign.Excluded) {
			t.Errorf("%+v", row)
		}
		if p.sink.twice() != 0 {
			t.Error("somebody on two lists got it twice")
		}
	})
}

func TestAnApprovalCanBeTakenBackUntilItBegins(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		p.people(t, p.list, consent.GradeB, 3)
		id := p.approved(t, []int64{p.list}, nil)
		p.write(t, func(tx *store.Tx) error { // begun at once: too late
			if err := campaign.Undo(tx, id); !fault.Is(err, fault.Conflict) {
				t.Errorf("%v", err)
			}
			return nil
		})
		var later int64
		p.write(t, func(tx *store.Tx) (err error) {
			if later, err = campaign.Copy(tx, id, "Again"); err == nil {
				err = campaign.Approve(tx, later, 0, 3, campaign.UndoWindow)
			}
			return err
		})
		p.settle(t)
		p.is(t, later, "")
		if p.sink.count() != 3 {
			t.Errorf("%d sent before the window ended", p.sink.count())
		}
		p.write(t, func(tx *store.Tx) error { return campaign.Undo(tx, later) })
		h.Clock.Advance(2 * campaign.UndoWindow)
		p.settle(t)
		if c := p.get(t, later); c.State != campaign.Draft || p.sink.count() != 3 {
			t.Errorf("%v, %d sent", c.State, p.sink.count())
		}
		p.write(t, func(tx *store.Tx) error { return campaign.Approve(tx, later, 0, 3, campaign.UndoWindow) })
		h.Clock.Advance(2 * campaign.UndoWindow)
		p.settle(t)
		p.is(t, later, "accepted 3")
	})
}

func TestPauseResumeAndStop(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		p.people(t, p.list, consent.GradeB, 900)
		id := p.approved(t, []int64{p.list}, nil)
		once := true
		var door sync.Mutex // nobody goes on while the pause is being written
		p.sink.before = func(string) {
			door.Lock()
			defer door.Unlock()
			p.sink.mu.Lock()
			now := once && len(p.sink.got) > 100
			once = once && !now
			p.sink.mu.Unlock()
			if now {
				p.write(t, func(tx *store.Tx) error { return campaign.Pause(tx, id) })
			}
		}
		p.settle(t)
		sent := p.sink.count()
		if c := p.get(t, id); c.State != campaign.Paused || sent >= 900 || sent > 900-200 {
			t.Fatalf("%s after %d", c.State, sent)
		}
		p.settle(t)
		if p.sink.count() != sent {
			t.Error("sent while paused")
		}
		p.write(t, func(tx *store.Tx) error { return campaign.Resume(tx, id) })
		p.sink.before = nil
		p.settle(t)
		p.is(t, id, "accepted 900")

		var second int64
		p.write(t, func(tx *store.Tx) (err error) {
			if second, err = campaign.Copy(tx, id, "Stopped"); err == nil {
				err = campaign.Approve(tx, second, 0, 0, 0)
			}
			return err
		})
		once = true
		p.sink.before = func(string) {
			door.Lock()
			defer door.Unlock()
			p.sink.mu.Lock()
			now := once && len(p.sink.got) > 1000
			once = once && !now
			p.sink.mu.Unlock()
			if now {
				p.write(t, func(tx *store.Tx) error { return campaign.StopIt(tx, second) })
			}
		}
		p.settle(t)
		p.settle(t)
		n := p.counts(t, second)
		if c := p.get(t, second); c.State != campaign.Stopped || n.Of(campaign.Waiting) != 0 || n.Of(campaign.Accepted) == 0 || n.Of(campaign.Out) == 0 || n.Total() != 900 {
			t.Errorf("%s %+v", c.State, n.By)
		}
	})
}

func TestAProcessorThatIsStoppedHoldsTheNextBatchAndTheRestGoesOnceLater(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		p.people(t, p.list, consent.GradeB, 700)
		id := p.approved(t, []int64{p.list}, nil)
		once := true
		p.sink.before = func(string) {
			p.sink.mu.Lock()
			now := once && len(p.sink.got) > 50
			once = once && !now
			p.sink.mu.Unlock()
			if now {
				p.write(t, func(tx *store.Tx) error { return processor.Suspend(tx, p.carrier, "testing") })
			}
		}
		p.settle(t)
		sent := p.sink.count()
		if c := p.get(t, id); c.State != campaign.Sending || c.Hold != string(gate.RelaySuspended) || sent == 0 || sent > 700-100 {
			t.Fatalf("%s %q after %d", c.State, c.Hold, sent)
		}
		p.settle(t)
		if p.sink.count() != sent {
			t.Error("sent through a suspended service")
		}
		p.write(t, func(tx *store.Tx) error { return processor.Resume(tx, p.carrier, "tested") })
		p.settle(t)
		p.is(t, id, "accepted 700")
		if c := p.get(t, id); c.State != campaign.Sent || c.Hold != "" || p.sink.twice() != 0 {
			t.Errorf("%s %q, %d twice", c.State, c.Hold, p.sink.twice())
		}
	})
}

func TestALaterIsTriedAgainAndANoIsNot(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		ids := p.people(t, p.list, consent.GradeB, 7)
		later, nobody, policy, bare := p.email(t, ids[0]), p.email(t, ids[1]), p.email(t, ids[2]), p.email(t, ids[3])
		p.sink.answer = func(to string) error {
			switch to {
			case later:
				return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "mailbox full"}
			case nobody:
				return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
			case policy:
				return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "policy"}
			case bare:
				return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.NoEnhancedCode, Message: "relay not permitted"}
			}
			return nil
		}
		id := p.approved(t, []int64{p.list}, nil)
		p.settle(t)
		p.is(t, id, "accepted 3, deferred 1, failed 3")
		if c := p.get(t, id); c.State != campaign.Sending {
			t.Errorf("%s", c.State)
		}
		if c := view(t, p, func(v *store.View) (contact.Contact, error) { return contact.Get(v, ids[1]) }); c.State != contact.StateBounced {
			t.Errorf("a mailbox that does not exist: %s", c.State)
		}
		for _, who := range ids[2:4] {
			if c := view(t, p, func(v *store.View) (contact.Contact, error) { return contact.Get(v, who) }); c.State != contact.StateActive {
				t.Errorf("a refusal for policy, or without a word of why, blames the person: %s", c.State)
			}
		}
		row, _ := p.why(t, id, ids[0])
		if row.Tries != 1 || row.Code != 452 || row.Enhanced != "4.2.2" || row.NextAt == 0 {
			t.Errorf("%+v", row)
		}
		p.settle(t)
		if row, _ := p.why(t, id, ids[0]); row.Tries != 1 {
			t.Error("asked again at once")
		}
		for range 3 {
			h.Clock.Advance(3 * time.Hour)
			p.settle(t)
		}
		if row, _ := p.why(t, id, ids[0]); row.Tries != 4 || row.State != campaign.Deferred {
			t.Errorf("%+v", row)
		}
		p.sink.answer = nil
		h.Clock.Advance(3 * time.Hour)
		p.settle(t)
		p.is(t, id, "accepted 4, failed 3")
		if c := p.get(t, id); c.State != campaign.Sent {
			t.Errorf("%s", c.State)
		}
	})
}

func TestAfterManyTriesItIsGivenUp(t *testing.T) {
	total := time.Duration(0)
	for tries := 0; ; tries++ {
		w := campaign.Wait(tries, int64(tries))
		if w == 0 {
			if tries < 5 || total < 12*time.Hour {
				t.Errorf("given up after %d tries and %v", tries, total)
			}
			break
		}
		total += w
	}
}

func TestAServiceThatIsDownHoldsAndBlamesNobody(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		ids := p.people(t, p.list, consent.GradeB, 5)
		down := true
		p.sink.answer = func(string) error {
			if down {
				return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "closing"}
			}
			return nil
		}
		id := p.approved(t, []int64{p.list}, nil)
		p.settle(t)
		p.sink.mu.Lock()
		down = false
		p.sink.mu.Unlock()
		h.Clock.Advance(time.Hour)
		p.settle(t)
		p.is(t, id, "accepted 5")
		if row, _ := p.why(t, id, ids[0]); row.Tries > 2 {
			t.Errorf("%+v", row)
		}
	})
}

// A refusal of the sender's address would be said for each person, and is about none of them.
func TestARefusedSenderHoldsTheCampaignAndFailsNobody(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		p.people(t, p.list, consent.GradeB, 12)
		p.sink.from = &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "sender not verified"}
		id := p.approved(t, []int64{p.list}, nil)
		p.settle(t)
		p.is(t, id, "pending 12")
		if c := p.get(t, id); c.State != campaign.Sending || c.Hold != campaign.HoldSender {
			t.Errorf("%s %q", c.State, c.Hold)
		}
		p.sink.mu.Lock()
		p.sink.from = nil
		p.sink.mu.Unlock()
		h.Clock.Advance(time.Hour)
		p.settle(t)
		p.is(t, id, "accepted 12")
		if c := p.get(t, id); c.Hold != "" {
			t.Errorf("%q", c.Hold)
		}
	})
}

// Who is erased while their message flies holds up nobody, whatever their mailbox answers.
func TestABounceOfSomebodyErasedMeanwhileIsBooked(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		ids := p.people(t, p.list, consent.GradeB, 4)
		gone := p.email(t, ids[1])
		p.sink.answer = func(to string) error {
			if to != gone {
				return nil
			}
			if err := h.Main.Purge(context.Background(), p.who, "test", func(tx *store.Tx) error { _, err := tx.Exec(eraseOne, ids[1]); return err }); err != nil {
				t.Error(err)
			}
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
		}
		id := p.approved(t, []int64{p.list}, nil)
		p.settle(t)
		if c := p.get(t, id); c.State != campaign.Sent {
			t.Errorf("%s %q", c.State, c.Hold)
		}
	})
}

var eraseOne = store.Account("test.erase_one", `DELETE FROM contact WHERE account_id = :account AND id = ?`)

func TestWhoHasOnlyTheAccountsWordIsToldWhyAtFirst(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		word := p.people(t, p.list, consent.GradeD, 1)
		good := p.people(t, p.list, consent.GradeB, 1)
		why := "sur la parole de"
		first := p.approved(t, []int64{p.list}, nil)
		p.settle(t)
		p.is(t, first, "accepted 2")
		if !strings.Contains(decoded(p.sink.raw[p.email(t, word[0])]), why) {
			t.Errorf("not told why:\n%s", decoded(p.sink.raw[p.email(t, word[0])]))
		}
		if strings.Contains(decoded(p.sink.raw[p.email(t, good[0])]), why) {
			t.Error("told without need")
		}
		p.approved(t, []int64{p.list}, nil)
		p.settle(t)
		if strings.Contains(decoded(p.sink.raw[p.email(t, word[0])]), why) {
			t.Error("told twice")
		}
	})
}

// GDPR 21(4): who may object reads so in the first mail, apart from the rest, however well it is shown why they get it.
func TestWhoMayObjectIsToldSoInTheirFirstMail(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		said := p.people(t, p.list, consent.GradeB, 1)
		var at []int64
		p.write(t, func(tx *store.Tx) error {
			rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("work@example.org"), Source: "import"}, {Email: address.Must("word@example.org"), Source: "import"}})
			if err != nil {
				return err
			}
			at = []int64{rows[0].ID, rows[1].ID}
			event := consent.Event{Contact: at[0], List: p.list, Kind: consent.Give, Basis: consent.B2B, BasisRef: "they buy tools", Grade: consent.GradeB, Source: "import", Row: rows[0]}
			word := event
			word.Contact, word.Grade, word.Row, word.DeclaredBy = at[1], consent.GradeD, rows[1], 1
			_, err = consent.Apply(tx, []consent.Event{event, word})
			return err
		})
		object, work, word := "vous y opposer à tout moment", "parce qu’il concerne votre travail", "sur la parole de"
		for _, first := range []bool{true, false} {
			id := p.approved(t, []int64{p.list}, nil)
			p.settle(t)
			p.is(t, id, "accepted 3")
			for _, x := range []struct {
				who  int64
				text string
				has  bool
			}{{at[0], object, first}, {at[0], work, first}, {at[0], word, false}, {at[1], object, first}, {at[1], word, first}, {said[0], object, false}} {
				mail := decoded(p.sink.raw[p.email(t, x.who)])
				if strings.Contains(mail, x.text) != x.has || x.has && strings.Count(mail, x.text) != 2 { // as text and as HTML
					t.Errorf("first %v, %d, %q: want %v\n%s", first, x.who, x.text, x.has, mail)
				}
			}
		}
	})
}

func decoded(raw []byte) string {
	s := strings.ReplaceAll(string(raw), "=\r\n", "")
	return strings.NewReplacer("=C3=A9", "é", "=C3=A0", "à", "=E2=80=99", "’", "=3D", "=").Replace(s)
}

// note publishes a privacy note: without one nobody can be told where their address comes from.
func (p *place) note(t testing.TB) {
	t.Helper()
	p.write(t, func(tx *store.Tx) error {
		rules, err := rulepack.For(tx)
		if err != nil {
			return err
		}
		id, err := notice.Make(tx, "Note", notice.Begin(notice.Answers{Name: "Maison Exemple", Postal: "1 rue de l’Exemple, 69001 Lyon", Country: "FR", Language: "en",
			DataName: "Camille", DataEmail: "data@example.org", Sending: "mailbox"}, rules))
		if err == nil {
			_, err = notice.Publish(tx, id, 1)
		}
		return err
	})
}

// owed brings somebody whom a partner passed on, and who is to be told of it within the month.
func (p *place) owed(t testing.TB, email string) (id int64) {
	t.Helper()
	p.write(t, func(tx *store.Tx) error {
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must(email), Name: pii.T("New"), Source: "import", NoticeDueAt: tx.Now.Add(20 * 24 * time.Hour)}})
		if err != nil {
			return err
		}
		id = rows[0].ID
		_, err = consent.Apply(tx, []consent.Event{{Contact: id, List: p.list, Kind: consent.Give, Basis: consent.B2B, BasisRef: "Salon Nord", Grade: consent.GradeB,
			Source: "member", Method: "acquired", Row: rows[0]}})
		return err
	})
	return id
}

func TestOwedWordOfAnOriginComesWithTheFirstMail(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		id, good := p.owed(t, "new@example.org"), p.people(t, p.list, consent.GradeB, 1)[0]
		keys := func(id int64) map[string]campaign.Level {
			out := map[string]campaign.Level{}
			l := view(t, p, func(v *store.View) (campaign.Checklist, error) { return campaign.Check(v, id) })
			for _, i := range l.Items {
				out[i.Key] = i.Level
			}
			return out
		}
		hide := `<style>div, p { display: none !important; visibility: hidden } #consend-body ~ div { opacity: 0 }</style><div style="display:none">` + body
		var c int64
		p.write(t, func(tx *store.Tx) (err error) {
			if c, err = campaign.Make(tx, campaign.Words{Name: "Spring", Subject: "Hello", Kind: template.HTML, Body: hide, Language: "en"}, p.sender); err != nil {
				return err
			}
			return campaign.SetLists(tx, c, 0, []int64{p.list}, nil)
		})
		if keys(c)["campaign.check.no_note"] != campaign.Warn {
			t.Errorf("no note is published: %v", keys(c))
		}
		without := p.approved(t, []int64{p.list}, nil)
		p.settle(t)
		p.is(t, without, "accepted 2")
		owed := func() bool {
			return view(t, p, func(v *store.View) (contact.Contact, error) { return contact.Get(v, id) }).NoticeDueAt != 0
		}
		if !owed() {
			t.Error("told by a mail that names no note")
		}
		p.note(t)
		if keys(c)["campaign.check.tells"] != campaign.Note {
			t.Errorf("the review doesn't say who is told: %v", keys(c))
		}
		seen := view(t, p, func(v *store.View) (campaign.Preview, error) { return campaign.PreviewFor(v, c, id, "") })
		if !seen.Told || !strings.Contains(seen.Message.HTML, "Salon Nord") || !strings.Contains(seen.Message.Text, "Salon Nord") {
			t.Errorf("the preview doesn't show it: %s", seen.Message.Text)
		}
		p.write(t, func(tx *store.Tx) error { return campaign.Approve(tx, c, 0, 0, 0) })
		p.settle(t)
		raw := decoded(p.sink.raw["new@example.org"])
		for _, want := range []string{"Salon Nord", "/privacy/", "your e-mail address", "complain to the data protection authority", "all:initial!important"} {
			if strings.Count(raw, want) < 1 {
				t.Errorf("no %q in\n%s", want, raw)
			}
		}
		if top := strings.Index(raw, "Salon Nord"); top > strings.Index(raw, "Dear New") {
			t.Error("it doesn't stand at the top")
		}
		if strings.Contains(decoded(p.sink.raw[p.email(t, good)]), "Salon Nord") {
			t.Error("somebody hears it who is owed nothing")
		}
		row := view(t, p, func(v *store.View) (once.Row, error) { r, _, err := once.Find(v, id, 0); return r, err })
		if owed() || row.State != once.Done || row.CampaignID != c || row.NoteVersionID == 0 || row.EntryID == 0 {
			t.Errorf("owed %v, %+v", owed(), row)
		}
		p.approved(t, []int64{p.list}, nil)
		p.settle(t)
		if strings.Contains(decoded(p.sink.raw["new@example.org"]), "Salon Nord") {
			t.Error("told twice")
		}
	})
}

// What may have arrived told nobody anything: it is still owed.
func TestAMessageInDoubtDoesNotCountAsTold(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		p.note(t)
		id := p.owed(t, "new@example.org")
		c := p.approved(t, []int64{p.list}, nil)
		campaign.KillAt(p.engine, func(at string) bool { return at == "started" })
		_ = p.engine.Settle(context.Background())
		p.engine = p.start(t)
		p.settle(t)
		p.is(t, c, "in_doubt 1")
		k := view(t, p, func(v *store.View) (contact.Contact, error) { return contact.Get(v, id) })
		if row := view(t, p, func(v *store.View) (once.Row, error) { r, _, err := once.Find(v, id, 0); return r, err }); row.ID != 0 || k.NoticeDueAt == 0 {
			t.Error("it counts as told")
		}
	})
}

func TestTheChecklistStopsWhatCannotGo(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		p.people(t, p.list, consent.GradeD, 3)
		var id int64
		p.write(t, func(tx *store.Tx) (err error) {
			id, err = campaign.Make(tx, campaign.Words{Name: "Draft", Kind: template.HTML, Body: "{% include 'x' %}"}, 0)
			return err
		})
		keys := func() map[string]campaign.Level {
			out := map[string]campaign.Level{}
			l := view(t, p, func(v *store.View) (campaign.Checklist, error) { return campaign.Check(v, id) })
			for _, i := range l.Items {
				out[i.Key] = i.Level
			}
			if _, ok := out["campaign.check.untracked"]; !ok {
				t.Error("sending without measuring is not said to be fine")
			}
			return out
		}
		if k := keys(); k["campaign.check.no_sender"] != campaign.Stop || k["campaign.check.nobody"] != campaign.Stop {
			t.Errorf("%v", k)
		}
		p.write(t, func(tx *store.Tx) error {
			if err := campaign.SetSender(tx, id, 0, p.sender); err != nil {
				return err
			}
			return campaign.SetLists(tx, id, 0, []int64{p.list}, nil)
		})
		if k := keys(); k["template.not_allowed"] != campaign.Stop {
			t.Errorf("%v", k)
		}
		for _, c := range []struct{ subject, body string }{{"", body}, {"s", "{% include 'x' %}"}, {"s", ""}} {
			p.write(t, func(tx *store.Tx) error {
				return campaign.SetWords(tx, id, 0, campaign.Words{Name: "Draft", Subject: c.subject, Kind: template.HTML, Body: c.body})
			})
			err := h.Main.Write(context.Background(), p.who, func(tx *store.Tx) error { return campaign.Approve(tx, id, 0, 0, 0) })
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("approved with %q: %v", c, err)
			}
		}
		p.write(t, func(tx *store.Tx) error {
			return campaign.SetWords(tx, id, 0, campaign.Words{Name: "Draft", Subject: "s {{ contact.NICKNAME }}", Kind: template.HTML, Body: body})
		})
		k := keys()
		if k["campaign.check.word_only"] != campaign.Note || k["campaign.check.no_dkim"] != campaign.Note || k["template.check.unknown_value"] != campaign.Warn || k["campaign.check.unsubscribe"] != campaign.Fine {
			t.Errorf("%v", k)
		}
	})
}

func TestAPreviewIsTheMessageOfThatPerson(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		ids := p.people(t, p.list, consent.GradeD, 2)
		var id int64
		p.write(t, func(tx *store.Tx) (err error) {
			if id, err = campaign.Make(tx, campaign.Words{Name: "Draft", Subject: "For {{ contact.NAME }}", Kind: template.HTML, Body: body + "{{ contact.CITY }}"}, p.sender); err == nil {
				err = campaign.SetLists(tx, id, 0, []int64{p.list}, nil)
			}
			return err
		})
		pre := view(t, p, func(v *store.View) (campaign.Preview, error) { return campaign.PreviewFor(v, id, ids[1], "") })
		if pre.Message.Subject != "For Person 1" || !strings.Contains(pre.Message.HTML, "/u/preview") || !strings.Contains(pre.Message.Text, "/p/preview") || fmt.Sprint(pre.Missing) != "[CITY]" || pre.Grade != consent.GradeD || pre.Reason != "" {
			t.Errorf("%+v", pre)
		}
		nobody := view(t, p, func(v *store.View) (campaign.Preview, error) { return campaign.PreviewFor(v, id, 0, "en") })
		if nobody.Message.Subject != "For " || !strings.Contains(nobody.Message.HTML, "Unsubscribe") {
			t.Errorf("%+v", nobody.Message.Subject)
		}
	})
}

func TestATestGoesToTheTeamAlone(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		ids := p.people(t, p.list, consent.GradeB, 2)
		var id int64
		p.write(t, func(tx *store.Tx) (err error) {
			if id, err = campaign.Make(tx, campaign.Words{Name: "Draft", Subject: "For {{ contact.NAME }}", Kind: template.HTML, Body: body}, p.sender); err == nil {
				err = campaign.SetLists(tx, id, 0, []int64{p.list}, nil)
			}
			return err
		})
		owner := campaign.Member{ID: p.who.ID, Email: address.Must("owner1@example.org")}
		n, err := p.engine.TestTo(context.Background(), p.who, id, ids[0], "", []campaign.Member{owner})
		if err != nil || n != 1 || !p.sink.has("owner1@example.org") || p.sink.count() != 1 {
			t.Errorf("%d %v, %v", n, err, p.sink.got)
		}
		// Nothing in it says no for the contact it was made for.
		if raw := decoded(p.sink.raw["owner1@example.org"]); !strings.Contains(raw, "Person 0") || strings.Count(raw, "/u/") != strings.Count(raw, "/u/preview") || strings.Count(raw, "/p/") != strings.Count(raw, "/p/preview") {
			t.Error(raw)
		}
		if _, err := p.engine.TestTo(context.Background(), p.who, id, 0, "", []campaign.Member{{ID: p.who.ID, Email: address.Must("person0@example.org")}}); err == nil || p.sink.count() != 1 {
			t.Errorf("a test went to an address that is no member's: %v", err)
		}
	})
}

func TestQuickIsTheSamePathAsThePages(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		p.people(t, p.list, consent.GradeB, 3)
		var id int64
		p.write(t, func(tx *store.Tx) (err error) {
			id, err = campaign.SendQuick(tx, campaign.Quick{List: p.list, Sender: sender.New{Email: address.Must("quick@example.com")}, Subject: "Quick", HTML: "<p>hi</p>"})
			return err
		})
		p.settle(t)
		p.is(t, id, "accepted 3")
	})
}

func TestAnotherAccountSeesNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		ids := p.people(t, p.list, consent.GradeB, 1)
		id := p.approved(t, []int64{p.list}, nil)
		p.settle(t)
		_, stranger := h.House(t)
		must(t, h.Main.View(context.Background(), stranger, func(v *store.View) error {
			if _, err := campaign.Get(v, id); !fault.Is(err, fault.NotFound) {
				t.Errorf("%v", err)
			}
			n, err := campaign.Count(v, id)
			if err != nil || n.Total() != 0 {
				t.Errorf("%+v %v", n, err)
			}
			if m, err := campaign.MessagesOf(v, ids[0], 0, 0, 10); err != nil || len(m) != 0 {
				t.Errorf("%v %v", m, err)
			}
			return nil
		}))
		if m := view(t, p, func(v *store.View) ([]campaign.Message, error) { return campaign.MessagesOf(v, ids[0], 0, 0, 10) }); len(m) != 1 || m[0].Name != "Spring" {
			t.Errorf("%+v", m)
		}
	})
}

// Somebody who wants one letter a week gets the first campaign; the next leaves them out, whether it is
// frozen after that letter or was frozen before it.
func TestWhoWantsFewerLettersGetsTheFirst(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		ids := p.people(t, p.list, consent.GradeB, 3)
		own := func(fn func(tx *store.Tx) error) {
			must(t, h.Main.Write(context.Background(), actor.Actor{Kind: actor.Subject, Account: p.who.Account, Request: "test"}, fn))
		}
		early := p.approved(t, []int64{p.list}, nil)
		must(t, campaign.Freeze(context.Background(), h.Main, p.who, early))
		own(func(tx *store.Tx) error { return contact.Slow(tx, ids[0], contact.PaceWeek) })
		own(func(tx *store.Tx) error { return contact.Pause(tx, ids[1], 1, time.UTC) })
		p.settle(t)
		p.is(t, early, "accepted 2, left_out 1")
		late := p.approved(t, []int64{p.list}, nil)
		must(t, campaign.Freeze(context.Background(), h.Main, p.who, late))
		own(func(tx *store.Tx) error { return contact.Slow(tx, ids[2], contact.PaceMonth) })
		p.settle(t)
		p.is(t, late, "left_out 3")
		for _, x := range []struct {
			id, who int64
			want    consent.Reason
		}{{early, ids[1], consent.Paused}, {late, ids[0], consent.TooOften}, {late, ids[2], consent.TooOften}, {late, ids[1], consent.Paused}} {
			if row, _ := p.why(t, x.id, x.who); row.Reason != string(x.want) {
				t.Errorf("%+v: %q", x, row.Reason)
			}
		}
	})
}
