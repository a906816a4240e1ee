// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// fakesShape says what simulated servers live in a process of their own. It is the environment variable fakesVariable there, as JSON.
type fakesShape struct {
	Servers int
	Workers int
	Seed    uint64
	Longer  int  // how many times longer Pulp tasks take
	Quick   bool // nothing takes time
}

const fakesVariable = "PULPMAN_BENCH_FAKES"

// fakesToldOf is the line that such a process writes once it is ready.
type fakesToldOf struct {
	Control  string   // URL: GET /report, POST /change
	Upstream string   // URL
	Servers  []string // names
}

// fakesReport is what its servers were asked for so far, and what is wrong with what they hold.
type fakesReport struct {
	Requests counted
	Broken   string
}

// fakes is that process, seen from outside.
type fakes struct {
	fakesToldOf
	command *exec.Cmd
	input   io.Closer // its end ends the process
}

// startFakes starts simulated servers.
func startFakes(ctx context.Context, shape fakesShape) (*fakes, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	told, err := json.Marshal(shape)
	if err != nil {
		return nil, err
	}
	f := &fakes{command: exec.CommandContext(context.WithoutCancel(ctx), binary, "fakes")}
	f.command.Env, f.command.Stderr = append(os.Environ(), fakesVariable+"="+string(told)), os.Stderr
	if f.input, err = f.command.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := f.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := f.command.Start(); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(output).Decode(&f.fakesToldOf); err != nil {
		return nil, errors.Join(fmt.Errorf("the simulated servers do not start: %w", err), f.close())
	}
	return f, nil
}

func (f *fakes) close() error { return errors.Join(f.input.Close(), f.command.Wait()) }

// report asks what happened since the last report.
func (f *fakes) report(ctx context.Context) (r fakesReport, err error) {
	return r, f.control(ctx, http.MethodGet, "/report", &r)
}

// change makes the next version of what upstream has.
func (f *fakes) change(ctx context.Context) error {
	return f.control(ctx, http.MethodPost, "/change", nil)
}

func (f *fakes) control(ctx context.Context, method, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, f.Control+path, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// serveFakes is the whole life of that process: until its standard input ends.
func serveFakes(ctx context.Context) error {
	var shape fakesShape
	if err := json.Unmarshal([]byte(os.Getenv(fakesVariable)), &shape); err != nil {
		return fmt.Errorf("%s: %w", fakesVariable, err)
	}
	upstream := pulpfake.NewUpstream()
	base, stop, err := upstream.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	defer stop()
	fill(upstream, 1)
	told := fakesToldOf{Upstream: base}
	var servers []*pulpfake.Server
	defer func() {
		for _, s := range servers {
			s.Close()
		}
	}()
	for i := range shape.Servers {
		options := pulpfake.Options{Name: fmt.Sprintf("fake-%03d", i), Seed: shape.Seed + uint64(i), Workers: shape.Workers}
		if !shape.Quick {
			times := fleetTimes{seed: shape.Seed + uint64(i), longer: shape.Longer}
			options.Delay, options.TaskDuration = times.request, times.pulpTask
		}
		s := pulpfake.New(options)
		servers = append(servers, s)
		if _, err := s.Listen("127.0.0.1:0"); err != nil {
			return err
		}
		told.Servers = append(told.Servers, address(s))
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	control := &http.Server{Handler: fakesControl(upstream, servers), ReadHeaderTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = control.Serve(listener) })
	defer serving.Wait()
	defer func() { _ = control.Close() }()
	told.Control = "http://" + listener.Addr().String()
	if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// fill puts the trees of a version upstream.
func fill(upstream *pulpfake.Upstream, version int) {
	text := fmt.Sprintf("%d.0", version)
	upstream.Add("deb", pulpfake.Spec{Kind: pulpfake.DebTree, Suite: suite, Packages: []pulpfake.Package{{Name: "alpha", Version: text}, {Name: "beta", Version: text}}})
	upstream.Add("rpm", pulpfake.Spec{Kind: pulpfake.RPMTree, Packages: []pulpfake.Package{{Name: "bear", Version: text}}})
	upstream.Add("file", pulpfake.Spec{Kind: pulpfake.FileTree, Packages: []pulpfake.Package{{Name: "one.txt", Body: text}}})
}

func fakesControl(upstream *pulpfake.Upstream, servers []*pulpfake.Server) http.Handler {
	mux := http.NewServeMux()
	var mu sync.Mutex
	version := 1
	mux.HandleFunc("POST /change", func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		version++
		fill(upstream, version)
	})
	mux.HandleFunc("GET /report", func(w http.ResponseWriter, _ *http.Request) {
		var r fakesReport
		var errs []error
		for _, s := range servers {
			for _, request := range s.Requests() {
				r.Requests.add(request.Method, request.Path)
			}
			s.ForgetRequests()
			errs = append(errs, s.Check())
		}
		if err := errors.Join(errs...); err != nil {
			r.Broken = err.Error()
		}
		_ = json.NewEncoder(w).Encode(r)
	})
	return mux
}
