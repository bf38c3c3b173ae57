// SPDX-License-Identifier: AGPL-3.0-or-later

package access_test

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/mail/compose"
	"consend/internal/team/access"
	"consend/internal/team/account"
	"consend/internal/team/login"
	"consend/internal/team/member"
	"consend/internal/team/secret"
	"consend/internal/testhouse"
)

const password, other = "vingt moutons bleus", "dix-sept chaises vertes"

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mail(t testing.TB, s string) address.Address {
	t.Helper()
	a, err := address.Parse(s)
	must(t, err)
	return a
}

// visitor is a stranger on a sign-in page.
func visitor(ip string) actor.Actor {
	return actor.Actor{Kind: actor.Subject, Request: "test", IP: netip.MustParseAddr(ip), IPSource: "direct",
		Agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"}
}

var home = visitor("203.0.113.7")

// place is a house with one account whose owner has signed in once.
type place struct {
	h     *testhouse.House
	d     *access.Desk
	id    int64
	email string
	in    access.In
}

func furnish(t *testing.T, h *testhouse.House) place {
	t.Helper()
	d, err := access.New(h.Main, h.Ring)
	d.CheapForTests()
	must(t, err)
	t.Cleanup(d.Close)
	h.Main.Attach(&config.Site{URL: "http://localhost:8080", Host: "localhost"})
	p := place{h: h, d: d, email: "Lea.Roux@example.org"}
	var link secret.Token
	p.id, link, err = d.OpenAccount(ctx, actor.Actor{Kind: actor.Command, Name: "account create"},
		account.New{Details: account.Details{Name: "Librairie du Port"}}, member.New{Email: mail(t, p.email)}, nil)
	must(t, err)
	p.in, err = d.Accept(ctx, home, link.Raw(), access.Joining{Name: pii.T("Léa Roux"), Password: password, Language: "fr"})
	must(t, err)
	if !p.in.Done() || p.in.Account != p.id {
		t.Fatalf("not in: %+v", p.in)
	}
	return p
}

func (p place) find(t testing.TB, in access.In) access.Found {
	t.Helper()
	f, err := p.d.Find(ctx, in.Token.Raw())
	must(t, err)
	return f
}

func (p place) who(t testing.TB, in access.In) actor.Actor {
	t.Helper()
	f := p.find(t, in)
	w := home
	w.Kind, w.ID, w.Account, w.Role = actor.Member, f.Member.ID, f.Account.ID, string(f.Member.Role)
	return w
}

func (p place) gone(t testing.TB, in access.In, why string) {
	t.Helper()
	if _, err := p.d.Find(ctx, in.Token.Raw()); !fault.Is(err, fault.Refused) {
		t.Errorf("%s: the session still holds (%v)", why, err)
	}
}

func (p place) signIn(t testing.TB) access.In {
	t.Helper()
	in, err := p.d.SignIn(ctx, home, p.email, password)
	must(t, err)
	return in
}

// addFriend joins a second member and gives their session.
func (p place) addFriend(t testing.TB, email string, role member.Role) access.In {
	t.Helper()
	who := p.who(t, p.signIn(t))
	var m member.Member
	must(t, p.h.Main.Write(ctx, who, func(tx *store.Tx) (err error) {
		m, err = member.Invite(tx, member.New{Email: mail(t, email), Role: role})
		return err
	}))
	in, err := p.d.Accept(ctx, home, p.linkIn(t, m.ID, access.DraftInvitation), access.Joining{Name: pii.T("Noé Petit"), Password: other})
	must(t, err)
	return in
}

// linkIn composes a mail and takes the token out of its button.
func (p place) linkIn(t testing.TB, id int64, f func(*store.Tx, int64) (compose.Draft, error)) string {
	t.Helper()
	var d compose.Draft
	must(t, p.h.Main.Write(ctx, actor.Worker("mail", p.id), func(tx *store.Tx) (err error) { d, err = f(tx, id); return err }))
	if d.Class == "" {
		return ""
	}
	if !d.Secret || d.Member != id {
		t.Errorf("a mail with a link that lets somebody in: %+v", d)
	}
	for _, b := range d.Blocks {
		if strings.Contains(b.Text, "{{") || strings.Contains(b.Text, "<no value>") || strings.HasPrefix(b.Text, "access.") {
			t.Errorf("words: %q", b.Text)
		}
		if b.Kind == compose.Button {
			return b.URL[strings.LastIndexByte(b.URL, '/')+1:]
		}
	}
	t.Fatal("no button")
	return ""
}

func TestAPersonSignsInAndOut(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		in, err := p.d.SignIn(ctx, home, "  lea.roux@EXAMPLE.org ", password)
		must(t, err)
		f := p.find(t, in)
		if f.Member.Name.Raw() != "Léa Roux" || f.Member.Role != member.Owner || f.Account.Name != "Librairie du Port" || f.Session.Agent != "Firefox · Windows" || len(f.Others) != 0 {
			t.Fatalf("%+v", f)
		}
		before := h.Entries(t, p.who(t, in))
		must(t, p.d.Out(ctx, home, in.Token.Raw()))
		must(t, p.d.Out(ctx, home, in.Token.Raw()))
		p.gone(t, in, "signed out")
		if n := h.Entries(t, p.who(t, p.in)) - before; n != 1 {
			t.Errorf("%d entries of signing out", n)
		}
		for _, forged := range []string{"", "cs_1_x", secret.New(secret.Session, p.id).Raw(), strings.Replace(p.in.Token.Raw(), "cs_", "cl_", 1)} {
			if _, err := p.d.Find(ctx, forged); !fault.Is(err, fault.Refused) {
				t.Errorf("%v for a forged token", err)
			}
		}
	})
}

func TestUnknownAndWrongGetTheSameAnswer(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		texts := map[string]bool{}
		var queries []string
		h.Main.SetHook(func(q string) error { queries = append(queries, q); return nil })
		var work []string
		for _, email := range []string{p.email, "nobody@example.org", "no address", ""} {
			queries = nil
			_, err := p.d.SignIn(ctx, visitor("203.0.113."+dec(len(texts)+len(work)+20)), email, "a wrong password")
			if !fault.Is(err, fault.Refused) {
				t.Fatalf("%v", err)
			}
			texts[err.Error()] = true
			work = append(work, strings.Join(queries, " "))
		}
		if len(texts) != 1 {
			t.Errorf("answers differ: %v", texts)
		}
		for _, w := range work[1:] {
			if w != work[0] {
				t.Errorf("work differs:\n%s\n%s", work[0], w)
			}
		}
		h.Main.SetHook(nil)
	})
}

func dec(n int) string { return strconv.Itoa(n) }

func TestGuessingGetsSlowerAndNobodyIsLockedOut(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		bad := func(ip string) fault.Kind {
			_, err := p.d.SignIn(ctx, visitor(ip), p.email, "a wrong password")
			return fault.KindOf(err)
		}
		attacker := "198.51.100.1"
		for i := range 5 {
			if k := bad(attacker); k != fault.Refused {
				t.Fatalf("try %d: %s", i, k)
			}
		}
		if k := bad(attacker); k != fault.Busy {
			t.Fatalf("the sixth try: %s", k)
		}
		if _, err := p.d.SignIn(ctx, visitor(attacker), p.email, password); !fault.Is(err, fault.Busy) {
			t.Fatalf("the right password from there has to wait too: %v", err)
		}
		must(t, second(p.d.SignIn(ctx, home, p.email, password))) // from elsewhere at once
		h.Clock.Advance(time.Second)
		if k := bad(attacker); k != fault.Refused {
			t.Fatalf("after a second: %s", k)
		}
		h.Clock.Advance(time.Second)
		if k := bad(attacker); k != fault.Busy {
			t.Fatalf("the wait doubles: %s", k)
		}
		h.Clock.Advance(time.Minute)
		must(t, second(p.d.SignIn(ctx, visitor(attacker), p.email, password))) // a minute is the longest
		if k := bad(attacker); k != fault.Refused {
			t.Fatalf("who proved themselves begins anew: %s", k)
		}
		// Many networks: each has two tries at once, and so has the person's own.
		for i := range 16 {
			ip := "192.0.2." + dec(i+1)
			for try := range 2 {
				if k := bad(ip); k != fault.Refused {
					t.Fatalf("network %d, try %d: %s", i, try+1, k)
				}
			}
		}
		if bad("192.0.2.99"); bad("192.0.2.99") != fault.Refused || bad("192.0.2.99") != fault.Busy {
			t.Error("under attack a network has two tries")
		}
		must(t, second(p.d.SignIn(ctx, home, p.email, password)))
	})
}

var countFacts = store.Account("access_test.facts", `SELECT count(*) FROM fact f WHERE f.account_id = :account AND f.kind = 'login.recover'`)

func TestAMailboxGetsAFewLinksWhoeverAsks(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		before := h.Entries(t, p.who(t, p.in))
		var queries []string
		for i := range 9 {
			must(t, p.d.Recover(ctx, visitor("198.51.100."+dec(i+1)), p.email))
			must(t, p.d.Recover(ctx, visitor("198.51.100."+dec(i+1)), "nobody@example.org"))
			p.d.Close()
		}
		var n int64
		must(t, h.Main.View(ctx, p.who(t, p.in), func(v *store.View) (err error) { n, err = store.One[int64](v, countFacts); return err }))
		if n != 5 || h.Entries(t, p.who(t, p.in))-before != 5 {
			t.Errorf("%d mails of nine wishes", n)
		}
		// Until the answer, known and unknown are the same work; the rest is done behind it.
		h.Main.SetHook(func(q string) error { queries = append(queries, q); return nil })
		must(t, p.d.Recover(ctx, home, p.email)) // has had enough: only the answer's own work
		h.Main.SetHook(nil)
		if got := strings.Join(queries, " "); got != "login.tries login.count_try login.count_try" {
			t.Errorf("before the answer: %s", got)
		}
	})
}

// A stranger who goes on asking, from everywhere, does not keep the next link away for ever.
func TestALinkStillComesWhileAStrangerGoesOnAsking(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		mails := func() (n int64) {
			must(t, h.Main.View(ctx, p.who(t, p.in), func(v *store.View) (err error) { n, err = store.One[int64](v, countFacts); return err }))
			return n
		}
		for i := range 60 {
			h.Clock.Advance(time.Minute)
			must(t, p.d.Recover(ctx, visitor("198.51.100."+dec(i+1)), p.email))
			p.d.Close()
		}
		if n := mails(); n < 15 || n > 21 {
			t.Errorf("%d mails in an hour", n)
		}
	})
}

func second(_ access.In, err error) error { return err }

func TestOneNetworkThatTriesManyNamesIsSlowed(t *testing.T) {
	h := testhouse.SQLite(t)
	p := furnish(t, h)
	slow := 0
	for i := range 110 {
		err := p.d.Recover(ctx, visitor("198.51.100.9"), "name"+dec(i)+"@example.org")
		if fault.Is(err, fault.Busy) {
			slow++
		}
	}
	if slow < 9 {
		t.Fatalf("%d of 110 had to wait", slow)
	}
	h.Clock.Advance(2 * time.Second)
	must(t, p.d.Recover(ctx, visitor("198.51.100.9"), p.email))
}

func code(t testing.TB, p place, s login.Secret) string {
	t.Helper()
	c, err := totp.GenerateCode(s.Raw(), p.h.Clock.Now())
	must(t, err)
	return c
}

// guard turns codes on and gives secret and recovery codes.
func (p place) guard(t testing.TB) (login.Secret, []string) {
	t.Helper()
	f := p.find(t, p.in)
	who := p.who(t, p.in)
	must(t, p.d.StartCodes(ctx, who, f))
	s, err := p.d.Security(ctx, who, f)
	must(t, err)
	if !s.HasSecret || s.Login.Second() {
		t.Fatalf("%+v", s.HasSecret)
	}
	if _, err := p.d.ConfirmCodes(ctx, who, f, "000000"); !fault.Is(err, fault.Invalid) {
		t.Fatalf("a wrong code turned codes on: %v", err)
	}
	recovery, err := p.d.ConfirmCodes(ctx, who, f, code(t, p, s.Pending))
	must(t, err)
	return s.Pending, recovery
}

func TestACodeIsAskedAndWorksOnce(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		s, recovery := p.guard(t)
		step := func() string {
			t.Helper()
			in := p.signIn(t)
			if in.Done() || in.Second.IsZero() {
				t.Fatal("no code was asked")
			}
			if _, err := p.d.Find(ctx, in.Second.Raw()); !fault.Is(err, fault.Refused) {
				t.Fatal("a second step is no session")
			}
			return in.Second.Raw()
		}
		// The code that turned it on is used up.
		if _, err := p.d.Code(ctx, home, step(), code(t, p, s)); !fault.Is(err, fault.Refused) {
			t.Fatalf("a code worked twice: %v", err)
		}
		h.Clock.Advance(30 * time.Second)
		c := code(t, p, s)
		in, err := p.d.Code(ctx, home, step(), c[:3]+" "+c[3:])
		must(t, err)
		p.find(t, in)
		if _, err := p.d.Code(ctx, home, step(), c); !fault.Is(err, fault.Refused) {
			t.Fatalf("a code worked twice: %v", err)
		}
		h.Clock.Advance(time.Minute) // waits of earlier wrong codes are over
		in, err = p.d.Code(ctx, home, step(), strings.ToUpper(recovery[3]))
		must(t, err)
		p.find(t, in)
		if _, err := p.d.Code(ctx, home, step(), recovery[3]); !fault.Is(err, fault.Refused) {
			t.Fatalf("a recovery code worked twice: %v", err)
		}
		sec, err := p.d.Security(ctx, p.who(t, in), p.find(t, in))
		must(t, err)
		if sec.CodesLeft != int64(len(recovery)-1) {
			t.Errorf("%d recovery codes left", sec.CodesLeft)
		}
		used := step()
		must(t, second(p.d.Code(ctx, home, used, recovery[4])))
		if _, err := p.d.Code(ctx, home, used, recovery[5]); !fault.Is(err, fault.Gone) {
			t.Fatalf("a second step worked twice: %v", err)
		}
		must(t, p.d.EndCodes(ctx, p.who(t, in), p.find(t, in)))
		if in := p.signIn(t); !in.Done() {
			t.Error("a code is asked though codes are off")
		}
	})
}

func TestAPasswordThatIsChangedWhileItIsCheckedLetsNobodyIn(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		f, who := p.find(t, p.in), p.who(t, p.in)
		changed := false
		h.Main.SetHook(func(q string) error {
			if q != "member.by_login" || changed { // the password was checked, and the session is not begun
				return nil
			}
			changed = true
			h.Clock.Advance(time.Second)
			_, err := p.d.ChangePassword(ctx, who, f, password, other)
			h.Clock.Advance(time.Second)
			return err
		})
		_, err := p.d.SignIn(ctx, visitor("198.51.100.3"), p.email, password)
		h.Main.SetHook(nil)
		if !changed || !fault.Is(err, fault.Refused) {
			t.Errorf("%v", err)
		}
		must(t, second(p.d.SignIn(ctx, visitor("198.51.100.3"), p.email, other)))
	})
}

// passing is a context that calls f whenever somebody asks whether it has ended.
type passing struct {
	context.Context
	f func()
}

func (p passing) Done() <-chan struct{} { p.f(); return p.Context.Done() }

// Who knows the old password, and changes it while its owner sets a new one by mail, changes nothing.
func TestAPasswordThatIsChangedMeanwhileIsNotChangedByTheOldOne(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		f, who := p.find(t, p.in), p.who(t, p.in)
		k, err := login.New(h.Main, h.Ring)
		must(t, err)
		k.CheapForTests()
		third, err := k.Hash(ctx, "trente ponts de pierre")
		must(t, err)
		var checked atomic.Bool // the old password was, and was right
		h.Main.SetHook(func(q string) error { checked.Store(checked.Load() || q == "login.forgive"); return nil })
		var once sync.Once
		meanwhile := passing{ctx, func() {
			if !checked.Load() {
				return
			}
			once.Do(func() {
				h.Clock.Advance(time.Second)
				must(t, h.Main.Write(ctx, actor.System("test"), func(tx *store.Tx) error { login.SetPassword(tx, f.Session.LoginID, third); return nil }))
			})
		}}
		_, err = p.d.ChangePassword(meanwhile, who, f, password, other)
		h.Main.SetHook(nil)
		if !fault.Is(err, fault.Refused) || fault.All(err)[0].Field != "old" {
			t.Errorf("%v", err)
		}
		must(t, second(p.d.SignIn(ctx, visitor("198.51.100.3"), p.email, "trente ponts de pierre")))
	})
}

func TestOfTwoChangesOfOnePasswordOneHolds(t *testing.T) {
	h := testhouse.Postgres(t)
	p := furnish(t, h)
	f, who, now := p.find(t, p.in), p.who(t, p.in), password
	var said [2]error
	change := func(i int, old, new string) func(db *store.DB) error {
		return func(db *store.DB) error {
			d, err := access.New(db, h.Ring)
			must(t, err)
			d.CheapForTests()
			h.Clock.Advance(time.Second)
			_, said[i] = d.ChangePassword(ctx, who, f, old, new)
			return nil
		}
	}
	news := func(n int) [2]string {
		return [2]string{"trente ponts de pierre " + dec(n), "quarante vaches rouges " + dec(n)}
	}
	orders := h.Overtake(t, func(n int) (first, second func(db *store.DB) error) {
		h.Clock.Advance(time.Hour)
		return change(0, now, news(n)[0]), change(1, now, news(n)[1])
	}, func(n int) {
		if (said[0] == nil) == (said[1] == nil) {
			t.Fatalf("order %d: %v, %v", n, said[0], said[1])
		}
		now = news(n)[0]
		if said[0] != nil {
			now = news(n)[1]
		}
		must(t, second(p.d.SignIn(ctx, visitor("198.51.100.3"), p.email, now)))
	})
	if orders < 5 {
		t.Errorf("only %d orders", orders)
	}
}

func TestASecondStepEndsWithThePasswordItStandsFor(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		s, recovery := p.guard(t)
		half := p.signIn(t)
		h.Clock.Advance(30 * time.Second)
		in, err := p.d.ChangePassword(ctx, p.who(t, p.in), p.find(t, p.in), password, other)
		must(t, err)
		p.find(t, in)
		for _, c := range []string{code(t, p, s), recovery[0]} {
			if _, err := p.d.Code(ctx, home, half.Second.Raw(), c); !fault.Is(err, fault.Gone) {
				t.Errorf("a sign-in by the old password goes on: %v", err)
			}
		}
		half, err = p.d.SignIn(ctx, home, p.email, other)
		must(t, err)
		must(t, second(p.d.Code(ctx, home, half.Second.Raw(), code(t, p, s)))) // and no code was used up
	})
}

func TestWrongCodesAreCountedOverAllSignIns(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		p.guard(t)
		kinds := map[fault.Kind]int{}
		for range 8 {
			in := p.signIn(t)
			_, err := p.d.Code(ctx, home, in.Second.Raw(), "123456")
			kinds[fault.KindOf(err)]++
		}
		if kinds[fault.Refused] != 5 || kinds[fault.Busy] != 3 {
			t.Fatalf("%v", kinds)
		}
		in := p.signIn(t)
		for range 7 {
			h.Clock.Advance(time.Minute)
			_, err := p.d.Code(ctx, home, in.Second.Raw(), "123456")
			kinds[fault.KindOf(err)]++
		}
		if kinds[fault.Gone] != 2 {
			t.Fatalf("one sign-in takes five codes: %v", kinds)
		}
	})
}

func TestAResetSetsThePasswordOnceAndEndsAllSessions(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		if err := p.d.Recover(ctx, home, "not an address"); !fault.Is(err, fault.Invalid) {
			t.Fatalf("%v", err)
		}
		must(t, p.d.Recover(ctx, home, p.email))
		first := p.linkIn(t, p.in.Member, access.DraftRecovery)
		token := p.linkIn(t, p.in.Member, access.DraftRecovery)
		if _, _, err := p.d.Look(ctx, home, token, login.Invitation); !fault.Is(err, fault.NotFound) {
			t.Errorf("a reset is no invitation: %v", err)
		}
		if _, err := p.d.Reset(ctx, home, token, "short"); !fault.Is(err, fault.Invalid) {
			t.Fatalf("%v", err)
		}
		h.Clock.Advance(time.Minute)
		in, err := p.d.Reset(ctx, home, token, other)
		must(t, err)
		p.find(t, in)
		p.gone(t, p.in, "password set anew")
		for _, used := range []string{token, first} {
			if _, err := p.d.Reset(ctx, home, used, password); !fault.Is(err, fault.Gone) {
				t.Errorf("a used link: %v", err)
			}
		}
		if _, err := p.d.SignIn(ctx, home, p.email, password); !fault.Is(err, fault.Refused) {
			t.Errorf("the old password: %v", err)
		}
		late := p.linkIn(t, p.in.Member, access.DraftRecovery)
		h.Clock.Advance(31 * time.Minute)
		if _, err := p.d.Reset(ctx, home, late, password); !fault.Is(err, fault.Gone) {
			t.Errorf("an old link: %v", err)
		}
	})
}

// Whoever once read the mailbox and kept a link gets no way in by it after the password was changed.
func TestALinkToResetEndsWithThePasswordItWasAskedFor(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		old := p.linkIn(t, p.in.Member, access.DraftRecovery)
		h.Clock.Advance(time.Minute)
		_, err := p.d.ChangePassword(ctx, p.who(t, p.in), p.find(t, p.in), password, other)
		must(t, err)
		if _, _, err := p.d.Look(ctx, home, old, login.Reset); !fault.Is(err, fault.Gone) {
			t.Errorf("the page behind it: %v", err)
		}
		if _, err := p.d.Reset(ctx, home, old, "trente ponts de pierre"); !fault.Is(err, fault.Gone) {
			t.Errorf("%v", err)
		}
		must(t, second(p.d.SignIn(ctx, home, p.email, other)))
		_, err = p.d.Reset(ctx, home, p.linkIn(t, p.in.Member, access.DraftRecovery), "trente ponts de pierre")
		must(t, err)
	})
}

func TestAResetKeepsTheCode(t *testing.T) {
	h := testhouse.SQLite(t)
	p := furnish(t, h)
	_, recovery := p.guard(t)
	in, err := p.d.Reset(ctx, home, p.linkIn(t, p.in.Member, access.DraftRecovery), other)
	must(t, err)
	if in.Done() {
		t.Fatal("a mailbox alone opened an account that asks a code")
	}
	must(t, second(p.d.Code(ctx, home, in.Second.Raw(), recovery[0])))
}

func TestAPasswordChangeEndsEverySessionButThisBrowsers(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		elsewhere := p.signIn(t)
		h.Clock.Advance(time.Minute)
		f, who := p.find(t, p.in), p.who(t, p.in)
		if _, err := p.d.ChangePassword(ctx, who, f, "a wrong password", other); !fault.Is(err, fault.Refused) || fault.All(err)[0].Field != "old" {
			t.Fatalf("%v", err)
		}
		in, err := p.d.ChangePassword(ctx, who, f, password, other)
		must(t, err)
		p.find(t, in)
		p.gone(t, elsewhere, "changed password")
		p.gone(t, p.in, "changed password")
	})
}

func TestSessionsAreListedEndedAndRunOut(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		a, b := p.signIn(t), p.signIn(t)
		who, f := p.who(t, a), p.find(t, a)
		list, err := p.d.Sessions(ctx, who, f)
		must(t, err)
		if len(list) != 3 {
			t.Fatalf("%d sessions", len(list))
		}
		must(t, p.d.EndSession(ctx, who, f, p.find(t, b).Session.ID))
		p.gone(t, b, "ended")
		friend := p.addFriend(t, "noe@example.org", member.Editor)
		if err := p.d.EndSession(ctx, who, f, p.find(t, friend).Session.ID); !fault.Is(err, fault.NotFound) {
			t.Fatalf("somebody else's session: %v", err)
		}
		must(t, p.d.EndOtherSessions(ctx, who, f))
		p.gone(t, p.in, "ended")
		p.find(t, friend)
		if !p.find(t, a).Session.Fresh(h.Now()) {
			t.Error("not fresh")
		}
		h.Clock.Advance(16 * time.Minute)
		if p.find(t, a).Session.Fresh(h.Now()) {
			t.Error("still fresh")
		}
		if err := p.d.Again(ctx, who, f, "a wrong password"); !fault.Is(err, fault.Refused) {
			t.Fatal(err)
		}
		must(t, p.d.Again(ctx, who, f, password))
		if !p.find(t, a).Session.Fresh(h.Now()) {
			t.Error("proved again, not fresh")
		}
		for range 5 { // in use every six days: until the end of its life
			h.Clock.Advance(6 * 24 * time.Hour)
			if h.Clock.Now().Before(testhouse.Start.Add(29 * 24 * time.Hour)) {
				p.find(t, a)
			}
		}
		p.gone(t, a, "30 days old")
		idle := p.signIn(t)
		h.Clock.Advance(7*24*time.Hour + time.Minute)
		p.gone(t, idle, "a week unused")
		must(t, p.d.Sweep(ctx))
	})
}

func TestSeenIsNotedAtMostOnceInFiveMinutes(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		writes := 0
		h.Main.SetHook(func(q string) error {
			if q == "login.seen" {
				writes++
			}
			return nil
		})
		defer h.Main.SetHook(nil)
		for range 10 {
			h.Clock.Advance(time.Minute)
			p.find(t, p.in)
		}
		if writes != 2 {
			t.Errorf("%d writes in ten minutes", writes)
		}
	})
}

func TestTheLastOwnerStays(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		who := p.who(t, p.in)
		do := func(who actor.Actor, f func(tx *store.Tx) error) error { return h.Main.Write(ctx, who, f) }
		if err := do(who, func(tx *store.Tx) error { return member.Remove(tx, who.ID) }); !fault.Is(err, fault.Conflict) {
			t.Errorf("the last owner left: %v", err)
		}
		if err := do(who, func(tx *store.Tx) error { return member.SetRole(tx, who.ID, member.Admin) }); !fault.Is(err, fault.Conflict) {
			t.Errorf("the last owner was demoted: %v", err)
		}
		friend := p.addFriend(t, "noe@example.org", member.Admin)
		admin := p.who(t, friend)
		for _, f := range []func(tx *store.Tx) error{
			func(tx *store.Tx) error { return member.SetRole(tx, admin.ID, member.Owner) },
			func(tx *store.Tx) error { return member.Remove(tx, who.ID) },
			func(tx *store.Tx) error { return member.SetRole(tx, who.ID, member.Viewer) },
			func(tx *store.Tx) error {
				_, err := member.Invite(tx, member.New{Email: mail(t, "x@example.org"), Role: member.Owner})
				return err
			},
		} {
			if err := do(admin, f); !fault.Is(err, fault.Forbidden) {
				t.Errorf("an admin reached an owner: %v", err)
			}
		}
		must(t, do(who, func(tx *store.Tx) error { return member.SetRole(tx, admin.ID, member.Owner) }))
		p.gone(t, friend, "new role")
		must(t, do(who, func(tx *store.Tx) error { return member.Remove(tx, who.ID) }))
		p.gone(t, p.in, "left")
		if _, err := p.d.SignIn(ctx, home, p.email, password); !fault.Is(err, fault.Forbidden) {
			t.Errorf("who left signed in: %v", err)
		}
		must(t, p.d.Recover(ctx, home, p.email))
	})
}

func TestTwoOwnersWhoLeaveAtOnceDontLeaveTheAccountAlone(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		a, b := p.who(t, p.in), p.who(t, p.addFriend(t, "noe@example.org", member.Owner))
		for range 5 {
			errs := make(chan error, 2)
			for _, w := range []actor.Actor{a, b} {
				go func() {
					errs <- h.Main.Write(ctx, w, func(tx *store.Tx) error { return member.SetRole(tx, w.ID, member.Admin) })
				}()
			}
			one, two := <-errs, <-errs
			if (one == nil) == (two == nil) {
				t.Fatalf("%v, %v", one, two)
			}
			must(t, h.Main.Write(ctx, actor.Worker("test", p.id), func(tx *store.Tx) error {
				return errors.Join(member.SetRole(tx, a.ID, member.Owner), member.SetRole(tx, b.ID, member.Owner))
			}))
		}
	})
}

func TestAnInvitationIsTakenOnceByWhoHoldsIt(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		who := p.who(t, p.in)
		var m member.Member
		must(t, h.Main.Write(ctx, who, func(tx *store.Tx) (err error) {
			m, err = member.Invite(tx, member.New{Email: mail(t, "noe@example.org"), Role: member.Editor})
			return err
		}))
		err := h.Main.Write(ctx, who, func(tx *store.Tx) error {
			_, err := member.Invite(tx, member.New{Email: mail(t, "NOE@example.org"), Role: member.Viewer})
			return err
		})
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("invited twice: %v", err)
		}
		old := p.linkIn(t, m.ID, access.DraftInvitation)
		must(t, h.Main.Write(ctx, who, func(tx *store.Tx) error { return member.Remind(tx, m.ID) }))
		token := p.linkIn(t, m.ID, access.DraftInvitation)
		if _, err := p.d.Accept(ctx, home, old, access.Joining{Password: other}); !fault.Is(err, fault.NotFound) {
			t.Errorf("the older link: %v", err)
		}
		if _, err := p.d.Accept(ctx, home, token, access.Joining{Password: "noe noe noe noe"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a weak password: %v", err)
		}
		in, err := p.d.Accept(ctx, home, token, access.Joining{Name: pii.T("Noé"), Password: other})
		must(t, err)
		if f := p.find(t, in); f.Member.Role != member.Editor || f.Account.ID != p.id {
			t.Errorf("%+v", f)
		}
		if _, err := p.d.Accept(ctx, home, token, access.Joining{Password: other}); !fault.Is(err, fault.Gone) {
			t.Errorf("taken twice: %v", err)
		}
		if got := p.linkIn(t, m.ID, access.DraftInvitation); got != "" {
			t.Error("who has joined is invited again")
		}
	})
}

func TestAPersonOfTwoAccountsProvesThePasswordAndSwitches(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		id, link, err := p.d.OpenAccount(ctx, actor.Actor{Kind: actor.Command, Name: "account create"},
			account.New{Details: account.Details{Name: "Théâtre"}}, member.New{Email: mail(t, p.email)}, nil)
		must(t, err)
		if _, err := p.d.Accept(ctx, home, link.Raw(), access.Joining{Password: other}); !fault.Is(err, fault.Refused) {
			t.Fatalf("joined without the password: %v", err)
		}
		h.Clock.Advance(time.Minute)
		in, err := p.d.Accept(ctx, home, link.Raw(), access.Joining{Password: password})
		must(t, err)
		f := p.find(t, in)
		if f.Account.ID != id || len(f.Others) != 1 || f.Others[0].ID != p.id || f.Others[0].Name != "Librairie du Port" {
			t.Fatalf("%+v", f.Others)
		}
		back, err := p.d.Switch(ctx, home, in.Token.Raw(), p.id)
		must(t, err)
		if p.find(t, back).Account.ID != p.id {
			t.Error("not there")
		}
		p.gone(t, in, "switched")
		stranger, _ := h.House(t)
		if _, err := p.d.Switch(ctx, home, back.Token.Raw(), stranger); !fault.Is(err, fault.NotFound) {
			t.Errorf("switched to a foreign account: %v", err)
		}
	})
}

func TestTheHouseIsSetUpOnce(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d, err := access.New(h.Main, h.Ring)
		d.CheapForTests()
		must(t, err)
		sys := actor.System("start")
		old, ok, err := d.SetupLink(ctx, sys)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		link, _, err := d.SetupLink(ctx, sys)
		must(t, err)
		if err := d.LookSetup(ctx, home, old.Raw()); !fault.Is(err, fault.NotFound) {
			t.Errorf("the older link: %v", err)
		}
		s := access.Setup{Account: account.Details{Name: "Librairie du Port", Postal: "1 quai", Country: "fr"}, OnlyUs: true, Email: "lea@example.org", Password: password}
		bad := access.Setup{Email: "x", Password: "x"}
		fields := map[string]bool{}
		_, err = d.SetUp(ctx, home, link.Raw(), bad, nil)
		for _, f := range fault.All(err) {
			fields[f.Field] = true
		}
		for _, want := range []string{"email", "password", "name", "postal", "country"} {
			if !fields[want] {
				t.Errorf("%s is not refused: %v", want, err)
			}
		}
		broken := errors.New("no drafts")
		if _, err := d.SetUp(ctx, home, link.Raw(), s, func(*store.Tx, int64) error { return broken }); !errors.Is(err, broken) {
			t.Fatalf("%v", err)
		}
		var drafted int64
		in, err := d.SetUp(ctx, home, link.Raw(), s, func(tx *store.Tx, id int64) error {
			if tx.Account() != id || tx.Who.Kind != actor.Member {
				t.Errorf("furnished as %v in %d", tx.Who.Kind, tx.Account())
			}
			drafted = id
			return nil
		})
		must(t, err)
		f, err := d.Find(ctx, in.Token.Raw())
		must(t, err)
		if f.Account.ID != drafted || f.Account.Kind != account.Own || f.Account.Zone != "Europe/Paris" || f.Member.Role != member.Owner {
			t.Fatalf("%+v", f)
		}
		if _, err := d.SetUp(ctx, home, link.Raw(), s, nil); !fault.Is(err, fault.Gone) {
			t.Errorf("set up twice: %v", err)
		}
		if _, ok, err := d.SetupLink(ctx, sys); ok || err != nil {
			t.Errorf("a link for a house that is set up: %v %v", ok, err)
		}
	})
}

func TestALinkOfTheCommandLineSignsInOnce(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := furnish(t, h)
		link, err := p.d.LinkFor(ctx, actor.Actor{Kind: actor.Command, Name: "account link", Account: p.id}, mail(t, p.email))
		must(t, err)
		in, err := p.d.FollowLink(ctx, home, link.Raw())
		must(t, err)
		p.find(t, in)
		if _, err := p.d.FollowLink(ctx, home, link.Raw()); !fault.Is(err, fault.Gone) {
			t.Errorf("used twice: %v", err)
		}
	})
}

// A fault at any statement of the first start leaves no half of a house, and a link that works.
func TestAFaultWhileSettingUpLeavesNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d, err := access.New(h.Main, h.Ring)
		must(t, err)
		d.CheapForTests()
		link, _, err := d.SetupLink(ctx, actor.System("start"))
		must(t, err)
		s := access.Setup{Account: account.Details{Name: "Librairie du Port", Postal: "1 quai", Country: "FR"}, OnlyUs: true, Email: "lea@example.org", Password: password}
		broken := errors.New("broken")
		for n := 1; ; n++ {
			left := n
			h.Main.SetHook(func(string) error {
				if left--; left == 0 {
					return broken
				}
				return nil
			})
			_, err := d.SetUp(ctx, home, link.Raw(), s, nil)
			h.Main.SetHook(nil)
			if err == nil {
				if n < 12 {
					t.Errorf("set up after %d statements", n-1)
				}
				return
			}
			if !errors.Is(err, broken) {
				t.Fatalf("statement %d: %v", n, err)
			}
			must(t, d.LookSetup(ctx, home, link.Raw()))
			var any []account.Name
			must(t, h.Main.View(ctx, actor.System("test"), func(v *store.View) (err error) { any, err = account.Page(v, 0); return err }))
			if len(any) > 0 {
				t.Fatalf("statement %d left an account", n)
			}
		}
	})
}
