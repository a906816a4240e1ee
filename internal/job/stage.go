// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Stage runs a named step of a task. A stage that an earlier attempt completed is not run
// again: its stored result is given. An unfinished one is run again from its start, and
// finds what it asked Pulp for by its recorded requests.
//
// The result is stored as JSON and given as read back from there, so nothing can be relied on
// that would be gone after a restart.
func Stage[T any](ctx context.Context, r *Run, name string, fn func(ctx context.Context, p *Progress) (T, error)) (T, error) {
	var result T
	row, again := r.stages[name]
	if again && row.State == fleet.StageCompleted {
		if err := json.Unmarshal(row.Result, &result); err != nil {
			return result, fault.Wrap(fault.Internal, err, "result of stage %q cannot be read", name)
		}
		return result, nil
	}
	row.Task, row.Name, row.State, row.Error = r.Task.ID, name, fleet.StageRunning, nil
	row, err := r.Env.Work.SaveStage(ctx, r.Lease, row)
	if err != nil {
		return result, err
	}
	p := &Progress{run: r, id: row.ID, row: row, resumed: again}
	result, err = fn(r.Context(ctx), p)
	if err == nil {
		stored, err := p.complete(ctx, result)
		p.tell(err)
		typed, _ := stored.(T)
		return typed, err
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause // whatever else went wrong, this is why
	}
	if errors.Is(err, fleet.ErrStopping) || errors.Is(err, fleet.ErrLeaseLost) {
		return result, err // it goes on elsewhere, as it is
	}
	err = errors.Join(err, p.fail(context.WithoutCancel(ctx), err))
	p.tell(nil)
	return result, err
}

// tell tells how long the stage took from its first attempt on, by the store's clock, if its end could be stored.
func (p *Progress) tell(err error) {
	if p.mu.Lock(); err == nil && p.row.State != fleet.StageRunning {
		p.run.Observe().Stage(p.run.Task.Kind, stageName(p.row.Name), p.row.State, p.row.Updated.Sub(p.row.Created))
	}
	p.mu.Unlock()
}

// Progress is a running stage: what it tells, and the requests it makes.
type Progress struct {
	run     *Run
	id      fleet.StageID
	resumed bool // an earlier attempt was in this stage
	settled bool // what that attempt left has been dealt with

	mu      sync.Mutex
	row     fleet.Stage
	retried map[string]bool // steps that were tried again
	waited  bool            // for a lock
}

// Say stores a message for people to see. Trouble in storing it does not disturb the work.
func (p *Progress) Say(ctx context.Context, format string, args ...any) {
	p.set(ctx, "msg", fmt.Sprintf(format, args...))
}

// waits stores what the stage waits for, until it says something else.
func (p *Progress) waits(ctx context.Context, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	p.setAll(ctx, map[string]any{"msg": "waiting for " + what, fleet.WaitingKey: what})
}

// goesOn stores, if the stage waited, that it does no more.
func (p *Progress) goesOn(ctx context.Context) {
	p.mu.Lock()
	_, waited := p.row.Detail[fleet.WaitingKey]
	p.mu.Unlock()
	if waited {
		p.setAll(ctx, map[string]any{fleet.WaitingKey: nil})
	}
}

// set changes one key of the stage's detail, and stores it if that changed anything.
func (p *Progress) set(ctx context.Context, key string, value any) {
	p.setAll(ctx, map[string]any{key: value})
}

// setAll changes keys of the stage's detail together, and stores it if that changed anything. What becomes nil is dropped. Where it does
// not tell what the stage waits for, that goes with the change.
func (p *Progress) setAll(ctx context.Context, values map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	same := true
	for key, value := range values {
		same = same && reflect.DeepEqual(p.row.Detail[key], value)
	}
	if same {
		return
	}
	detail := maps.Clone(p.row.Detail)
	if detail == nil {
		detail = map[string]any{}
	}
	delete(detail, fleet.WaitingKey)
	maps.Copy(detail, values)
	maps.DeleteFunc(detail, func(_ string, value any) bool { return value == nil })
	row := p.row
	row.Detail = detail
	saved, err := p.run.Env.Work.SaveStage(ctx, p.run.Lease, row)
	if err != nil {
		p.run.Log.Warn("stage detail not stored", "stage", row.Name, "err", err)
		return
	}
	saved.Detail = detail // read back, numbers are of another type, and nothing would ever be the same
	p.row = saved
}

// complete stores a result and reads it back.
func (p *Progress) complete(ctx context.Context, result any) (any, error) {
	stored, err := json.Marshal(result)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "result of stage %q cannot be stored", p.row.Name)
	}
	back := reflect.New(reflect.TypeOf(result))
	if err := json.Unmarshal(stored, back.Interface()); err != nil || !reflect.DeepEqual(back.Elem().Interface(), result) {
		return nil, fault.Wrap(fault.Internal, err, "result of stage %q is not the same when read back", p.row.Name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	row := p.row
	row.State, row.Result = fleet.StageCompleted, stored
	p.row, err = p.run.Env.Work.SaveStage(ctx, p.run.Lease, row)
	return back.Elem().Interface(), err
}

func (p *Progress) fail(ctx context.Context, why error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	row := p.row
	row.State, row.Error = fleet.StageFailed, Explain(why)
	var err error
	p.row, err = p.run.Env.Work.SaveStage(ctx, p.run.Lease, row)
	return err
}

// None is the result of a stage that gives nothing to those after it.
type None struct{}

// Explain gives an error in the form that is shown: what failed and why, and what to do.
func Explain(err error) *fleet.TaskError {
	if err == nil {
		return nil
	}
	e := &fleet.TaskError{Msg: fault.Message(err), Detail: fault.Hint(err)}
	if fault.KindOf(err) == fault.Internal && e.Detail == "" {
		e.Detail = "a fault of the program: see the daemon's log"
	}
	return e
}
