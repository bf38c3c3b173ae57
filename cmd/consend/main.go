// SPDX-License-Identifier: AGPL-3.0-or-later

// Consend sends e-mail only to those it may go to, and can prove why. This program is the
// server and its commands; `consend --help` lists them.
//
// Exit: 0 done · 1 it could not be done, or a check failed · 2 usage · 130 interrupted.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"consend/internal/app"
	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
)

func main() {
	syscall.Umask(0o077) // what we write is our user's alone
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	os.Exit(command(os.Args[1:], app.Std{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Terminal: term.IsTerminal(int(os.Stderr.Fd())), Dir: dir,
		Language: language(os.Getenv)}))
}

// language is the reader's: of the usual variables the first that says something.
func language(env func(string) string) string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := env(name); v != "" {
			if strings.HasPrefix(v, "fr") {
				return locale.French
			}
			return locale.English
		}
	}
	return locale.English
}

// cli is the grammar of the commands: what scripts rely on, so that it only grows.
type cli struct {
	Data   string `help:"Folder for databases, root key and temporary files." placeholder:"DIR"`
	Config string `help:"Settings file (TOML)." placeholder:"FILE" env:"CONSEND_CONFIG"`

	Serve    serve      `cmd:"" help:"Run the server."`
	Account  accounts   `cmd:"" help:"Accounts of this installation."`
	Apikey   apikeys    `cmd:"" help:"Keys for programs."`
	Import   importing  `cmd:"" help:"Bring a file of people in, with where they come from."`
	Relay    relays     `cmd:"" help:"Sending services."`
	Campaign campaigns  `cmd:"" help:"Campaigns, the same way as the pages."`
	Rules    rules      `cmd:"" help:"Terms and limits of the law: what holds, and the installation's decisions."`
	Trace    traces     `cmd:"" help:"The log that nobody can edit unseen."`
	Restore  restores   `cmd:"" help:"A main database that was put back from a backup: look at it, accept it."`
	Keys     keyring    `cmd:"" help:"The root key, under which all other keys are sealed."`
	Proof    proofs     `cmd:"" help:"Proofs of what people said."`
	Datamap  dataMaps   `cmd:"" help:"What every column holds, and of whom."`
	Migrate  migrate    `cmd:"" help:"Bring the three stores up to date."`
	Doctor   doctor     `cmd:"" help:"Check settings, databases, keys, clock and sending, and say what to do."`
	Conf     showConfig `cmd:"" name:"config" help:"Print the effective settings and where they come from."`
}

// inHouse is a command that works in an open house: in this process, or in the one that
// owns the data folder.
type inHouse interface {
	run(ctx context.Context, h *app.House, std app.Std) error
}

// afterRestore is a command that works in a house whose main was put back and may be behind:
// in this process alone, and with nothing else at work.
type afterRestore interface {
	restore(ctx context.Context, h *app.House, std app.Std) error
}

// alone is a command that needs settings only.
type alone interface {
	run(ctx context.Context, c *config.Config, std app.Std) error
}

// errSaid ends a command with exit 1 when it has said why.
var errSaid = errors.New("said")

type exit int

// parse reads a command line; a code below 0 means there is a command to run.
func parse(args []string, std app.Std) (c *cli, selected any, code int) {
	c = &cli{}
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(exit)
			if !ok {
				panic(p)
			}
			code = int(e)
		}
	}()
	k, err := kong.New(c, kong.Name("consend"), kong.Description("E-mail marketing in which the law is enforced, and proved."),
		kong.Writers(std.Out, std.Err), kong.Exit(func(n int) { panic(exit(n)) }), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		panic(err) // the grammar itself is wrong: every test fails
	}
	x, err := k.Parse(args)
	if err != nil {
		fmt.Fprintf(std.Err, "consend: %v\nSee consend --help.\n", err)
		return c, nil, 2
	}
	return c, x.Selected().Target.Addr().Interface(), -1
}

// settings are those of the files, the environment and the command line.
func (c *cli) settings(std app.Std, environ []string) (*config.Config, error) {
	flags := map[string]string{}
	if c.Data != "" {
		flags["data"] = std.Path(c.Data)
	}
	c.Serve.flags(flags)
	return config.Load(config.From{File: std.Path(c.Config), Environ: environ, Flags: flags})
}

// command runs a command line and gives its exit code.
func command(args []string, std app.Std) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	c, cmd, code := parse(args, std)
	if code >= 0 {
		return code
	}
	conf, err := c.settings(std, os.Environ())
	if err != nil {
		return ended(ctx, err, std)
	}
	logTo(std.Err, conf, cmd)
	switch x := cmd.(type) {
	case alone:
		return ended(ctx, x.run(ctx, conf, std), std)
	case afterRestore:
		h, err := app.Open(ctx, conf, app.Options{Restored: true})
		if app.Owned(err) {
			return ended(ctx, fault.New(fault.Conflict, "app.owned", "Path", conf.Data), std)
		}
		if err != nil {
			return ended(ctx, err, std)
		}
		defer h.Close()
		return ended(ctx, x.restore(ctx, h, std), std)
	case inHouse:
		h, err := app.Open(ctx, conf, app.Options{})
		if app.Owned(err) {
			code, err := app.Send(ctx, conf.Data, args, std)
			if err != nil {
				return ended(ctx, err, std)
			}
			return code
		}
		if err != nil {
			return ended(ctx, err, std)
		}
		defer h.Close()
		return ended(ctx, x.run(ctx, h, std), std)
	}
	panic(fmt.Sprintf("%T runs nowhere", cmd))
}

// sent runs a command line that came over the owner's socket.
func sent(ctx context.Context, h *app.House, args []string, std app.Std) int {
	_, cmd, code := parse(args, std)
	if code >= 0 {
		return code
	}
	x, ok := cmd.(inHouse)
	if !ok {
		return ended(ctx, fault.New(fault.Conflict, "app.owned", "Path", h.Config.Data), std)
	}
	return ended(ctx, x.run(ctx, h, std), std)
}

// ended says what went wrong, in the reader's language, and gives the exit code.
func ended(ctx context.Context, err error, std app.Std) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSaid):
		return 1
	case ctx.Err() != nil:
		return 130
	}
	p := locale.For(std.Language, nil)
	for _, f := range fault.All(err) {
		fmt.Fprintln(std.Err, "consend: "+p.Fault(f))
		if f.Cause != nil {
			fmt.Fprintln(std.Err, "  ("+f.Cause.Error()+")")
		}
	}
	return 1
}

func logTo(w io.Writer, c *config.Config, cmd any) {
	level := c.Level()
	if _, server := cmd.(*serve); !server && level < slog.LevelWarn {
		level = slog.LevelWarn // a command says what it did itself
	}
	o := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		slog.SetDefault(slog.New(slog.NewJSONHandler(w, o)))
		return
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(w, o)))
}

// secretFile reads a secret from a file: on the command line everybody on the machine sees it.
func secretFile(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fault.New(fault.Invalid, "app.file", "Path", path).Because(err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
