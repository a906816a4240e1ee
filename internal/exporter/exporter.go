// SPDX-License-Identifier: Apache-2.0

// Package exporter serves Prometheus metrics: of the fleet, from what the store knows, and of this process, from what it was
// told. Nothing in it asks a Pulp server: a scrape costs the store some queries, and what they answer is written out as it is.
package exporter

import (
	"bufio"
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/prometheus/common/expfmt"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Options say what is served.
type Options struct {
	Process  *Process         // what this process was told; nil: nothing was
	Fleet    fleet.Monitoring // nil: the metrics are of this process alone
	Settings func() Settings  // in force now; nil: the usual ones
	// Expect gives how old a repository's last success may become by its schedule; 0: nothing is expected of it. May be nil.
	Expect func(v *fleet.Vitals) func(server fleet.ServerID, repository string) (seconds float64)
	Log    *slog.Logger // may be nil
}

// Settings are what the configuration says.
type Settings struct {
	PerRepository PerRepository
	// Processes shows our processes as docker_container_status, whose name the original gave to what it ran in.
	Processes bool
}

// PerRepository says whether each repository has series of its own.
type PerRepository string

// The ways.
const (
	Auto PerRepository = "auto" // where there are AutoMost repositories or fewer
	On   PerRepository = "on"
	Off  PerRepository = "off"
)

// AutoMost is up to how many repositories each has series of its own, unless the configuration decides.
const AutoMost = 20_000

// formats are those that can be asked for, the first of equals first.
var formats = []expfmt.Format{expfmt.FmtOpenMetrics_1_0_0, expfmt.FmtText, expfmt.FmtProtoDelim}

// handler serves /metrics.
type handler struct {
	Options
	looks looks
}

// Handler serves the metrics at /metrics.
func Handler(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Settings == nil {
		o.Settings = func() Settings { return Settings{PerRepository: Auto} }
	}
	if o.Process == nil {
		o.Process = NewProcess("")
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", &handler{Options: o})
	return mux
}

// ServeHTTP writes the metrics. Where the store cannot be asked they are those of this process, and one that says so.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var seen *look
	if h.Fleet != nil {
		seen = h.looks.join(r.Context(), h.look)
		if r.Context().Err() != nil {
			return
		}
	}
	format := expfmt.NegotiateAccept(r.Header, formats...)
	w.Header().Set("Content-Type", string(format))
	w.Header().Set("Vary", "Accept, Accept-Encoding")
	var to io.Writer = w
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		zip, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // it refuses wrong levels alone
		defer zip.Close()
		to = zip
	}
	out := bufio.NewWriterSize(to, 64<<10)
	err := h.write(out, format, seen)
	if err == nil {
		err = out.Flush()
	}
	if err != nil && r.Context().Err() == nil {
		h.Log.Warn("metrics not written", "err", err)
	}
}

// write writes all families, one at a time.
func (h *handler) write(out *bufio.Writer, format expfmt.Format, seen *look) error {
	encoder := expfmt.NewEncoder(out, format)
	own, err := h.Process.registry.Gather()
	for _, f := range own {
		if err := encoder.Encode(f); err != nil {
			return err
		}
	}
	if err != nil { // what could be gathered was
		h.Log.Warn("metrics of the process not complete", "err", err)
	}
	if seen != nil {
		write := textFamily
		if format.FormatType() != expfmt.TypeTextPlain && format.FormatType() != expfmt.TypeOpenMetrics {
			write = func(_ *bufio.Writer, f *family, seen *look) error { return encoder.Encode(protoFamily(f, seen)) }
		}
		for i := range families {
			if f := &families[i]; f.shown(seen) {
				if err := write(out, f, seen); err != nil {
					return err
				}
			}
		}
	}
	if closer, ok := encoder.(expfmt.Closer); ok {
		return closer.Close()
	}
	return nil
}
