// SPDX-License-Identifier: AGPL-3.0-or-later

package testhouse

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"consend/internal/app"
	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/datamap"
)

// Apps runs a test of the whole house, as the program opens it, on both databases.
func Apps(t *testing.T, f func(t *testing.T, open func(app.Options) *app.House)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, opener(t, "sqlite")) })
	if os.Getenv("CONSEND_TEST_POSTGRES") != "" {
		t.Run("postgres", func(t *testing.T) { f(t, opener(t, "postgres")) })
	}
}

// opener opens a house on empty databases; again, on the same ones.
func opener(t *testing.T, dialect string) func(app.Options) *app.House {
	flags := map[string]string{"data": t.TempDir(), "listen": "127.0.0.1:0"}
	if dialect == "postgres" {
		base := os.Getenv("CONSEND_TEST_POSTGRES")
		for key, s := range map[string]datamap.Store{"database_url": datamap.Main, "keys_url": datamap.Keys, "archive_url": datamap.Archive} {
			flags[key] = database(t, base, s)
		}
	}
	return func(o app.Options) *app.House {
		t.Helper()
		c, err := config.Load(config.From{Flags: flags})
		if err != nil {
			t.Fatal(err)
		}
		c.RootKeyFile = filepath.Join(c.Data, "root.key")
		h, err := app.Open(context.Background(), c, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(h.Close)
		return h
	}
}

// Owner is the acting owner of an account.
func Owner(account, member int64) actor.Actor {
	return actor.Actor{Kind: actor.Member, ID: member, Account: account, Role: "owner", Request: "test"}
}
