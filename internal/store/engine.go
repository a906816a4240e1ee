// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// EngineConfig says how queued tasks are worked on.
type EngineConfig struct {
	Slots int // tasks at once; 0: 1,000
	// Work works on a root task until it is over. Nil means that nothing is left to do
	// now; HandBack asks for another go. Its context ends with the cause
	// fleet.ErrStopping when the engine stops.
	Work   func(ctx context.Context, id fleet.TaskID, jobID string) error
	Retry  time.Duration // after which Work that failed unexpectedly is called again; 0: 5 s
	Keep   time.Duration // how long jobs that are over are kept; 0: a day
	Logger *slog.Logger
}

// Engine takes queued tasks and works on them.
type Engine interface {
	// Start begins to take tasks. It does not wait for them; Stop does.
	Start(ctx context.Context) error
	// Stop takes no more tasks, ends the contexts of those at work, and waits for them
	// as long as ctx allows.
	Stop(ctx context.Context) error
}

// HandBack is what Work returns to be called again for the same task after a while,
// by this process or another.
type HandBack struct{ After time.Duration }

// Error tells that the task is handed back.
func (h HandBack) Error() string { return "handed back for " + h.After.String() }

const (
	// defaultSlots is many: a task that waits for a server which is down has a slot too, and must keep none from others.
	defaultSlots = 1000
	defaultRetry = 5 * time.Second
	defaultKeep  = 24 * time.Hour
	// fetchCooldown is the least time between two looks for jobs, fetchPoll the most:
	// in between, whoever queues a job says so.
	fetchCooldown, fetchPoll = 20 * time.Millisecond, time.Second
	// rescueAfter is beyond any max_runtime: leases find out about dead processes, the
	// engine's own rescue goes by age alone.
	rescueAfter = 90 * 24 * time.Hour
	// softStop keeps the engine from ending the contexts of jobs by itself: Stop does.
	softStop = rescueAfter
)

// Engine makes the engine of this process. The store must stay open until it has stopped.
func (s *Store) Engine(cfg EngineConfig) (Engine, error) {
	if cfg.Slots <= 0 {
		cfg.Slots = defaultSlots
	}
	if cfg.Retry <= 0 {
		cfg.Retry = defaultRetry
	}
	if cfg.Keep <= 0 {
		cfg.Keep = defaultKeep
	}
	if cfg.Logger == nil {
		cfg.Logger = s.logger
	}
	e, err := s.db.engine(cfg)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the engine cannot be set up")
	}
	return e, nil
}

// taskArgs are the arguments of the engine's only kind of job.
type taskArgs struct {
	TaskID fleet.TaskID `json:"task_id"`
}

// Kind is the job's name in the engine's tables.
func (taskArgs) Kind() string { return "task" }

// riverEngine is River on either database.
type riverEngine[T any] struct {
	client *river.Client[T]
	fetch  context.CancelFunc // ends taking jobs
	worker *taskWorker
}

func newEngine[T any](driver riverdriver.Driver[T], cfg EngineConfig, clock rivertype.TimeGenerator) (Engine, error) {
	worker := &taskWorker{work: cfg.Work, retry: cfg.Retry, logger: cfg.Logger, stopping: make(chan struct{})}
	worker.stop = sync.OnceFunc(func() { close(worker.stopping) })
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, worker); err != nil {
		return nil, err
	}
	client, err := river.NewClient(driver, &river.Config{
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: cfg.Slots}},
		Workers:              workers,
		Logger:               slog.New(quiet{cfg.Logger.Handler()}),
		JobTimeout:           -1,
		RescueStuckJobsAfter: rescueAfter,
		SoftStopTimeout:      softStop,
		FetchCooldown:        fetchCooldown,
		FetchPollInterval:    fetchPoll,

		CompletedJobRetentionPeriod: cfg.Keep,
		CancelledJobRetentionPeriod: cfg.Keep,
		DiscardedJobRetentionPeriod: cfg.Keep,

		Test: river.TestConfig{Time: clock}, // the only place where a clock can be given
	})
	if err != nil {
		return nil, err
	}
	return &riverEngine[T]{client: client, worker: worker}, nil
}

// Start implements Engine.
func (e *riverEngine[T]) Start(ctx context.Context) error {
	// Stop ends it, in its own order, not the caller's context.
	fetching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	if err := e.client.Start(fetching); err != nil {
		cancel()
		return fault.Wrap(fault.Unavailable, err, "the engine cannot start")
	}
	e.fetch = cancel
	return nil
}

// Stop implements Engine.
func (e *riverEngine[T]) Stop(ctx context.Context) error {
	if e.fetch == nil {
		return nil
	}
	e.fetch()
	e.worker.stop()
	select {
	case <-e.client.Stopped():
		return nil
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, context.Cause(ctx), "some tasks did not stop in time").
			WithHint("they are taken up again by another process, or after the next start")
	}
}

// taskWorker hands a job to Work.
type taskWorker struct {
	river.WorkerDefaults[taskArgs]
	work     func(context.Context, fleet.TaskID, string) error
	retry    time.Duration
	logger   *slog.Logger
	stopping chan struct{} // closed by stop
	stop     func()
}

// Timeout says that jobs have none: a task's own limit counts.
func (*taskWorker) Timeout(*river.Job[taskArgs]) time.Duration { return -1 }

// Work implements river.Worker.
func (w *taskWorker) Work(ctx context.Context, job *river.Job[taskArgs]) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	watching.Go(func() {
		select {
		case <-w.stopping:
			cancel(fleet.ErrStopping)
		case <-ctx.Done():
		}
	})

	err := w.call(ctx, job.Args.TaskID, strconv.FormatInt(job.ID, 10))
	var back HandBack
	switch {
	case err == nil:
		return nil
	case errors.As(err, &back):
		return river.JobSnooze(max(back.After, 0))
	case errors.Is(context.Cause(ctx), fleet.ErrStopping):
		return river.JobSnooze(0)
	}
	w.logger.ErrorContext(ctx, "work on a task failed", "task", int64(job.Args.TaskID), "err", err)
	return river.JobSnooze(w.retry)
}

// call makes a panic an error like any other.
func (w *taskWorker) call(ctx context.Context, id fleet.TaskID, jobID string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return w.work(ctx, id, jobID)
}

// quiet passes on warnings and errors: what the engine does day by day is told by tasks.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }
func (q quiet) WithGroup(name string) slog.Handler       { return quiet{q.Handler.WithGroup(name)} }
