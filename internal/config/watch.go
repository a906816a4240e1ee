// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"os"
	"time"
)

// watchInterval is how often the files are looked at where nothing else is said.
const watchInterval = 5 * time.Second

// Watcher reads the configuration again when it changes.
type Watcher struct {
	Sources Sources
	InForce *Config          // what is in force when watching begins
	Hangup  <-chan os.Signal // reads it again at once; may be nil
	Every   time.Duration    // how often files are looked at; 0: five seconds

	// OnChange gets each configuration that is without errors and not the one before, and after a
	// hangup the present one in any case. The one in force stays where a new one has errors:
	// then OnProblem gets the error, once for each change of the files.
	OnChange  func(*Config)
	OnProblem func(error)
}

// Watch watches until ctx ends. The functions are called by it, one after another. A file that
// is being written is read only once it has been the same for a while, so that half a
// file does not count.
func (w Watcher) Watch(ctx context.Context) {
	every := w.Every
	if every <= 0 {
		every = watchInterval
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	hash := ""
	if w.InForce != nil {
		hash = w.InForce.Hash
	}
	var read, seen [2]stamp // none yet: a change since InForce was read is seen
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.Hangup:
			seen = w.stamps()
			read = seen
			hash = w.reload(hash, true)
		case <-ticker.C:
			now := w.stamps()
			if now == seen && now != read {
				read = now
				hash = w.reload(hash, false)
			}
			seen = now
		}
	}
}

// reload reads the files and tells what came of it; it gives the hash of what is in force then.
func (w Watcher) reload(hash string, always bool) string {
	c, err := Load(w.Sources)
	switch {
	case err != nil:
		w.OnProblem(err)
	case always || c.Hash != hash:
		w.OnChange(c)
		return c.Hash
	}
	return hash
}

// stamp tells whether a file is another than before, without reading it.
type stamp struct {
	there   bool
	size    int64
	changed time.Time
}

func (w Watcher) stamps() [2]stamp {
	ini, _ := w.Sources.configPath()
	yml, _ := w.Sources.syncPath()
	return [2]stamp{stampOf(ini), stampOf(yml)}
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{there: true, size: info.Size(), changed: info.ModTime().Round(0).UTC()}
}
