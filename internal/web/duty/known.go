// SPDX-License-Identifier: AGPL-3.0-or-later

package duty

import (
	"net/http"
	"strconv"

	"consend/internal/ground/fault"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// KnownPages tell every stranger the log's key, its newest checkpoint, and how an older one
// leads to it, so that there are witnesses outside (docs/formats/checkpoint.md). Nothing of
// an account or a person stands in them.
type KnownPages struct{ Log *trace.Log }

// Routes is the room's part of the access table.
func (p *KnownPages) Routes() []shell.Route {
	return []shell.Route{
		{Method: http.MethodGet, Pattern: "/.well-known/consend/key", Public: true, Handler: p.key},
		{Method: http.MethodGet, Pattern: "/.well-known/consend/checkpoint", Public: true, Handler: p.checkpoint},
		{Method: http.MethodGet, Pattern: "/.well-known/consend/bridge/{size}", Public: true, Handler: p.bridge},
	}
}

func (p *KnownPages) key(r *shell.Request) error { return plain(r, []byte(p.Log.Key()+"\n")) }

func (p *KnownPages) checkpoint(r *shell.Request) error {
	b, err := p.Log.Checkpoint(r.Context())
	if err != nil {
		return err
	}
	return plain(r, b)
}

// bridge links the log of so many entries to the newest checkpoint: what `--against` takes.
func (p *KnownPages) bridge(r *shell.Request) error {
	size, err := strconv.ParseInt(r.Path("size"), 10, 64)
	if err != nil {
		return fault.New(fault.NotFound, "shell.not_found")
	}
	b, err := p.Log.Bridge(r.Context(), size)
	if err != nil {
		return err
	}
	return plain(r, b)
}

func plain(r *shell.Request, b []byte) error {
	r.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
	r.W.WriteHeader(http.StatusOK)
	r.W.Write(b) // a reader who went away misses nothing
	return nil
}
