// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"consend/internal/ground/legalclock"
	"consend/internal/job"
)

// metrics counts what an operator watches. Labels are words of ours: no address, no path
// with an id or token, no account.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  prometheus.Histogram
}

func (h *House) metrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "consend_http_requests_total", Help: "Requests answered, by method and status."}, []string{"method", "status"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "consend_http_request_seconds", Help: "Time to answer a request.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}),
	}
	m.registry.MustRegister(m.requests, m.seconds, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), backlog{h})
	return m
}

// around counts the requests that next answers.
func (m *metrics) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		began, out := legalclock.Start(), &counted{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(out, q)
		method := q.Method
		switch method {
		case http.MethodGet, http.MethodPost, http.MethodHead:
		default:
			method = "other" // a label is a word of ours, never a stranger's
		}
		m.requests.WithLabelValues(method, strconv.Itoa(out.status)).Inc()
		m.seconds.Observe(began.Elapsed().Seconds())
	})
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

type counted struct {
	http.ResponseWriter
	status int
}

func (c *counted) WriteHeader(status int)      { c.status = status; c.ResponseWriter.WriteHeader(status) }
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// backlog tells how much waits, asked when somebody reads the metrics.
type backlog struct{ h *House }

var (
	factsWaiting = prometheus.NewDesc("consend_facts_waiting", "Facts not yet handled.", nil, nil)
	factsLate    = prometheus.NewDesc("consend_facts_late", "Facts whose handler failed and that wait for another try.", nil, nil)
	tasksOpen    = prometheus.NewDesc("consend_tasks_open", "Long work not yet ended.", nil, nil)
	actsWaiting  = prometheus.NewDesc("consend_acts_waiting", "Acts of people that wait for SQLite's one writer.", nil, nil)
)

func (backlog) Describe(c chan<- *prometheus.Desc) {
	c <- factsWaiting
	c <- factsLate
	c <- tasksOpen
	c <- actsWaiting
}

func (b backlog) Collect(c chan<- prometheus.Metric) {
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	w, err := job.Backlog(ctx, b.h.Main)
	if err != nil {
		slog.Warn("metrics", "err", err)
		return
	}
	for desc, n := range map[*prometheus.Desc]int64{factsWaiting: w.Facts, factsLate: w.Late, tasksOpen: w.Tasks, actsWaiting: int64(b.h.Main.Waiting())} {
		c <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n))
	}
}
