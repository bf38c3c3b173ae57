// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"consend/internal/api/v3"
	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
)

// Serve is the house at work, until ctx ends: pages and facts and long work, by the node's
// role. Then it takes nothing new, ends what it has begun within Config.StopWithin, and
// leaves the rest to the next start. said, if not nil, is called once it answers.
func (h *House) Serve(ctx context.Context, run Runner, said func(address string)) error {
	l, err := net.Listen("tcp", h.Config.Listen)
	if err != nil {
		return fault.Wrap(err, "app.listen", "Address", h.Config.Listen)
	}
	m := h.metrics()
	pages, err := h.Pages()
	if err != nil {
		l.Close()
		return err
	}
	var servers []*http.Server
	serve := func(l net.Listener, handler http.Handler) {
		s := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
			ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug)}
		servers = append(servers, s)
		go func() {
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				slog.Error("web server", "err", err)
			}
		}()
	}
	if h.Config.MetricsListen != "" {
		ml, err := net.Listen("tcp", h.Config.MetricsListen)
		if err != nil {
			l.Close()
			return fault.Wrap(err, "app.listen", "Address", h.Config.MetricsListen)
		}
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", m.handler())
		h.health(mux)
		serve(ml, mux)
	}
	working, rest := context.WithCancel(context.WithoutCancel(ctx))
	defer rest()
	var workers sync.WaitGroup
	if Embedded(h.Config) && run != nil {
		if err := h.listen(working, run); err != nil {
			l.Close()
			return err
		}
	}
	if h.Config.Role != "web" {
		workers.Go(func() { h.Work(working) })
	}
	workers.Go(func() { h.Main.GrowUp(working) })
	mux := http.NewServeMux()
	h.health(mux)
	if h.Config.MetricsListen == "" {
		mux.Handle("GET /metrics", local(m.handler()))
	}
	if h.Config.Role != "worker" {
		mux.Handle("/", m.around(pages))
		mux.Handle(v3.Path, m.around((&v3.API{DB: h.Main, Trusted: h.Config.TrustedProxies}).Handler()))
	}
	serve(l, mux)
	h.ready.Store(true)
	go debug.FreeOSMemory() // what the start needed and nobody needs any more
	if said != nil {
		said(l.Addr().String())
	}
	<-ctx.Done()
	h.ready.Store(false)
	slog.Info("stopping")
	rest() // work comes to rest while the last requests end: a visitor on a slow line shall not take its time away
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), h.Config.StopWithin*4/5)
	defer stop()
	for _, s := range servers {
		if err := s.Shutdown(end); err != nil {
			slog.Warn("some requests did not end in time", "err", err)
			s.Close()
		}
	}
	workers.Wait()
	return nil
}

// health answers whether the process lives, and whether it can serve.
func (h *House) health(mux *http.ServeMux) {
	say := func(w http.ResponseWriter, status int, what string) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		io.WriteString(w, what+"\n")
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, q *http.Request) {
		if !h.ready.Load() {
			say(w, http.StatusServiceUnavailable, "stopping")
			return
		}
		ctx, stop := context.WithTimeout(q.Context(), 5*time.Second)
		defer stop()
		for _, db := range []*store.DB{h.Main, h.Keys, h.Archive} {
			if err := db.View(ctx, actor.System("ready"), func(v *store.View) error { return db.Answers(v) }); err != nil {
				slog.Error("not ready", "store", db.Kind(), "err", err)
				say(w, http.StatusServiceUnavailable, fmt.Sprintf("the %s store does not answer", db.Kind()))
				return
			}
		}
		say(w, http.StatusOK, "ready")
	})
}

// local lets only this machine in, and nobody through a proxy on it.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		peer, err := netip.ParseAddrPort(q.RemoteAddr)
		if err != nil || !peer.Addr().Unmap().IsLoopback() || q.Header.Get("X-Forwarded-For") != "" || q.Header.Get("Forwarded") != "" || q.Header.Get("Via") != "" {
			http.NotFound(w, q)
			return
		}
		next.ServeHTTP(w, q)
	})
}
