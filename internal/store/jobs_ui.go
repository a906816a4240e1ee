// SPDX-License-Identifier: Apache-2.0

package store

import (
	"database/sql"
	"log/slog"
	"net/http"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"riverqueue.com/riverui"

	"github.com/pulp/pulp-manager/internal/fault"
)

// JobsUI gives the engine's own pages about its jobs, which only show: below prefix, to whoever asks, so they
// need a lock before them. Its logger gets what goes wrong.
//
// The handler is not started, which it needs not be: it would count all jobs again and again for nobody, and
// counts them when asked otherwise.
func (s *Store) JobsUI(prefix string, logger *slog.Logger) (http.Handler, error) {
	h, err := s.db.jobsUI(prefix, slog.New(quiet{logger.Handler()}))
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the pages about jobs cannot be set up")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead { // what changes jobs would bypass the states of tasks
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "jobs are only shown here: cancel a task with PATCH /v1/tasks/{id}", http.StatusMethodNotAllowed)
			return
		}
		h.ServeHTTP(w, r)
	}), nil
}

// jobsUI uses the connections that cannot write.
func (d *sqliteDB) jobsUI(prefix string, logger *slog.Logger) (http.Handler, error) {
	return newJobsUI[*sql.Tx](riversqlite.New(d.readers.DB), prefix, logger)
}

func (d *postgresDB) jobsUI(prefix string, logger *slog.Logger) (http.Handler, error) {
	return newJobsUI[pgx.Tx](d.driver, prefix, logger)
}

func newJobsUI[T any](driver riverdriver.Driver[T], prefix string, logger *slog.Logger) (http.Handler, error) {
	client, err := river.NewClient(driver, &river.Config{Logger: logger})
	if err != nil {
		return nil, err
	}
	return riverui.NewHandler(&riverui.HandlerOpts{Endpoints: riverui.NewEndpoints(client, nil), Logger: logger, Prefix: prefix})
}
