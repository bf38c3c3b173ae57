// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"fmt"

	"consend/internal/app"
	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/list"
	"consend/internal/sending/relay"
	"consend/internal/team/account"
	"consend/internal/team/apikey"
	"consend/internal/team/member"
	"consend/internal/team/secret"
)

// operator is somebody at the machine's command line.
func operator(command string) actor.Actor { return actor.Actor{Kind: actor.Command, Name: command} }

// within binds the operator to an account that exists.
func within(ctx context.Context, h *app.House, command string, id int64) (actor.Actor, error) {
	who := operator(command).In(id)
	if id <= 0 {
		return who, fault.New(fault.NotFound, "app.no_account", "Account", fmt.Sprint(id))
	}
	err := h.Main.View(ctx, who, func(v *store.View) error {
		_, err := account.Get(v)
		return err
	})
	if err != nil {
		return who, fault.New(fault.NotFound, "app.no_account", "Account", fmt.Sprint(id)).Because(err)
	}
	return who, nil
}

type accounts struct {
	Create accountCreate `cmd:"" help:"Make an account; prints its number and a one-time link for its owner."`
}

type accountCreate struct {
	Name     string `required:"" help:"What the account is called."`
	Owner    string `required:"" help:"E-mail address of its owner." placeholder:"EMAIL"`
	Language string `help:"en or fr." default:"en" enum:"en,fr"`
	Country  string `help:"Whose rules apply (two letters)." placeholder:"CC"`
	Postal   string `help:"Postal address, for the foot of every mail."`
}

func (c *accountCreate) run(ctx context.Context, h *app.House, std app.Std) error {
	owner, err := address.Parse(c.Owner)
	if err != nil {
		return err
	}
	d := account.Details{Name: c.Name, Language: c.Language, Country: c.Country, Postal: c.Postal}
	id, link, err := h.Desk.OpenAccount(ctx, operator("account create"), account.New{Details: d}, member.New{Email: owner, Language: c.Language}, func(tx *store.Tx) error {
		_, err := list.EnsureMeasuring(tx, c.Language) // so that a form can ask from the first day
		return err
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(std.Out).Encode(map[string]any{"account": id, "link": h.SignInLink(link)})
}

type apikeys struct {
	Create apikeyCreate `cmd:"" help:"Make a key for a program; it is shown once."`
}

type apikeyCreate struct {
	Account int64  `required:"" help:"The account's number." placeholder:"ID"`
	Name    string `required:"" help:"What the program is called."`
	Source  string `help:"Where the people it adds come from, unless a call says more." placeholder:"KIND"`
	Basis   string `help:"Why the account may write to them, unless a call says more." placeholder:"B"`
}

func (c *apikeyCreate) run(ctx context.Context, h *app.House, std app.Std) error {
	who, err := within(ctx, h, "apikey create", c.Account)
	if err != nil {
		return err
	}
	var token secret.Token
	err = h.Main.Write(ctx, who, func(tx *store.Tx) (err error) {
		_, token, err = apikey.Create(tx, apikey.New{Name: c.Name, Origin: c.Source, Basis: c.Basis})
		return err
	})
	if err == nil {
		_, err = fmt.Fprintln(std.Out, token.Raw()) // disclosed once, to whom asked for it
	}
	return err
}

type relays struct {
	Add relayAdd `cmd:"" help:"Add a sending service, for all accounts that chose none."`
}

type relayAdd struct {
	Name      string `required:"" help:"What it is called; a provider's name finds its record."`
	Addr      string `required:"" help:"Host and port of its SMTP server." placeholder:"HOST:PORT"`
	TLS       string `name:"tls" help:"none, starttls or tls." enum:"none,starttls,tls," default:""`
	OwnServer bool   `help:"It is our own server: no agreement is needed, and a record says so."`
	Login     string `help:"Login at the server."`
	Password  string `help:"File with the password." placeholder:"FILE" name:"password-file"`
}

func (c *relayAdd) run(ctx context.Context, h *app.House, std app.Std) error {
	s := relay.Simple{Name: c.Name, Addr: c.Addr, TLS: c.TLS, OwnServer: c.OwnServer, Login: c.Login}
	if c.Password != "" {
		var err error
		if s.Password, err = secretFile(std.Path(c.Password)); err != nil {
			return err
		}
	}
	var made relay.Relay
	err := h.Main.Write(ctx, operator("relay add"), func(tx *store.Tx) (err error) {
		made, err = relay.AddSimple(tx, s)
		return err
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(std.Out).Encode(map[string]any{"relay": made.ID, "processor": made.Processor})
}
