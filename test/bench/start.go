// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

const (
	starts  = 9
	resting = 20 * time.Second
)

// start measures the daemon on its own: how soon it is ready, with an empty folder and with one it has used before; what it needs
// at rest; how large it is. Its only server does not answer: that must not matter.
func start(ctx context.Context, o options, r *result) error {
	dir, binary, remove, err := workspace(ctx, o, "start")
	if err != nil {
		return err
	}
	defer remove()
	if err := configure(dir, "127.0.0.1:9", "http://127.0.0.1:9", 3); err != nil {
		return err
	}
	size, err := os.Stat(binary)
	if err != nil {
		return err
	}
	r.add(figure{Name: "size of the stripped binary", Measured: float64(size.Size()) / 1e6, Unit: "MB", Goal: 45})
	var first, again []float64
	for range starts {
		if err := os.RemoveAll(filepath.Join(dir, "data")); err != nil {
			return err
		}
		for _, into := range []*[]float64{&first, &again} {
			d, err := serve(ctx, binary, dir)
			if err != nil {
				return err
			}
			*into = append(*into, d.ready.Seconds())
			if err := d.stop(); err != nil {
				return err
			}
		}
	}
	r.median(figure{Name: "ready with an empty data folder", Unit: "s", Goal: 0.5, Original: "3.7 s, and 1.3 s for its tables"}, first)
	r.median(figure{Name: "ready with a used data folder", Unit: "s", Goal: 0.5, Original: "3.7 s"}, again)
	return rest(ctx, binary, dir, r)
}

// rest measures what the daemon needs while nothing is asked of it.
func rest(ctx context.Context, binary, dir string, r *result) (err error) {
	d, err := serve(ctx, binary, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if err := pause(ctx, 2*time.Second); err != nil {
		return err
	}
	before, err := d.processor()
	if err != nil {
		return err
	}
	if err := pause(ctx, resting); err != nil {
		return err
	}
	after, err := d.processor()
	if err != nil {
		return err
	}
	now, _ := d.memory()
	r.add(figure{Name: "memory (RSS) at rest", Measured: now, Unit: "MB", Goal: 100, Original: "554 MB in nine processes, 675 MB with its databases"})
	r.add(figure{Name: "processor time at rest, of one core", Measured: (after - before).Seconds() / resting.Seconds() * 100, Unit: "%", Free: true})
	return nil
}
