// SPDX-License-Identifier: Apache-2.0

// Package git fetches a folder from a Git repository.
package git

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// DefaultTimeout is how long fetching may take where nothing is said.
const DefaultTimeout = 2 * time.Minute

// Source is a folder of a branch of a Git repository.
type Source struct {
	// URL is http, https or ssh, git@host:path, or a path on this machine. It may hold a
	// login, which is never shown.
	URL      string
	Dir      string          // folder in the repository; empty: all of it
	Branch   string          // empty: the repository's default
	Username string          // wins over the one in URL
	Password fleet.SecretRef // wins over the one in URL; empty: none
	Secrets  fleet.Secrets   // finds Password
	CA       []byte          // PEM of root certificates trusted besides the system's
	Timeout  time.Duration   // of fetching; 0: DefaultTimeout
	TempDir  string          // where to put the folder meanwhile; empty: the system's place
}

// Checkout fetches the newest commit alone, calls use with the path of the folder, and
// removes everything afterwards (D77). The time limit is for fetching only. Errors are use's own;
// NotFound: no such repository; Invalid: no such branch or folder; Forbidden: the login is
// refused; Unavailable: everything else. None holds a login.
func (s Source) Checkout(ctx context.Context, use func(dir string) error) (err error) {
	temp, err := os.MkdirTemp(s.TempDir, "pulp-manager-git-")
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "Git: there is no place for a clone: %v", err).WithHint("make room in the folder for temporary files")
	}
	defer func() {
		if left := os.RemoveAll(temp); left != nil && err == nil {
			err = fault.Wrap(fault.Unavailable, left, "Git: the clone cannot be removed: %v", left).WithHint("remove %s", temp)
		}
	}()
	dir := filepath.Join(temp, "files")
	if err := s.fetch(ctx, filepath.Join(temp, "clone"), dir); err != nil {
		return err
	}
	return use(dir)
}

// fetch clones into one folder and writes the files of Dir into another.
func (s Source) fetch(ctx context.Context, clone, dir string) error {
	limit := s.Timeout
	if limit <= 0 {
		limit = DefaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTooLong)
	defer cancel()
	repository, err := s.open(ctx, clone)
	if err != nil {
		return s.classify(ctx, err, limit)
	}
	tree, err := s.tree(repository)
	if err != nil {
		return s.classify(ctx, err, limit)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return s.classify(ctx, err, limit)
	}
	return s.classify(ctx, export(ctx, tree, dir), limit)
}

var (
	errTooLong  = errors.New("the time limit for fetching is over")
	errNoBranch = errors.New("no such branch")
	errNoFolder = errors.New("no such folder")
)

const overSSH = "ssh"

// open clones the repository, or opens it where it is on this machine.
func (s Source) open(ctx context.Context, clone string) (*git.Repository, error) {
	endpoint, err := transport.NewEndpoint(s.URL)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(endpoint.String(), "file://") {
		return git.PlainOpen(endpoint.Path)
	}
	if endpoint.Protocol == overSSH {
		if err := greet(ctx, endpoint); err != nil {
			return nil, err
		}
	}
	auth, address, err := s.auth(ctx, endpoint)
	if err != nil {
		return nil, err
	}
	options := &git.CloneOptions{URL: address, Auth: auth, Depth: 1, SingleBranch: true, Tags: git.NoTags, CABundle: s.CA}
	if s.Branch != "" {
		options.ReferenceName = plumbing.NewBranchReferenceName(s.Branch)
	}
	return git.PlainCloneContext(ctx, clone, true, options)
}

// tree gives the files of Dir in the newest commit of Branch.
func (s Source) tree(repository *git.Repository) (*object.Tree, error) {
	name := plumbing.HEAD
	if s.Branch != "" {
		name = plumbing.NewBranchReferenceName(s.Branch)
	}
	ref, err := repository.Reference(name, true)
	if err != nil {
		return nil, errNoBranch
	}
	commit, err := repository.CommitObject(ref.Hash())
	if err != nil {
		return nil, err
	}
	tree, err := commit.Tree()
	if err != nil {
		return nil, err
	}
	if dir := strings.Trim(s.Dir, "/"); dir != "" && dir != "." {
		if tree, err = tree.Tree(dir); err != nil {
			return nil, errNoFolder
		}
	}
	return tree, nil
}

// classify makes of what went wrong an error that may be shown.
func (s Source) classify(ctx context.Context, err error, limit time.Duration) error {
	if err == nil {
		return nil
	}
	if own := (*fault.Error)(nil); errors.As(err, &own) {
		return err
	}
	shown := redacted(s.URL)
	if ctx.Err() != nil {
		if cause := context.Cause(ctx); !errors.Is(cause, errTooLong) {
			return cause // whoever called stops
		}
		return fault.Wrap(fault.Unavailable, errTooLong, "Git repository %s was not fetched within %s", shown, limit).
			WithHint("check that the server can be reached, or raise git_repo_config_timeout")
	}
	cause := s.redact(err)
	var noRefSpec git.NoMatchingRefSpecError
	switch {
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed), strings.Contains(err.Error(), "unable to authenticate"):
		return fault.Wrap(fault.Forbidden, cause, "Git repository %s: the login is refused", shown).
			WithHint("set git_repo_config_username and git_repo_config_password, or correct them")
	case errors.Is(err, transport.ErrRepositoryNotFound), errors.Is(err, git.ErrRepositoryNotExists):
		return fault.Wrap(fault.NotFound, cause, "Git repository %s is not there, or not for this login", shown).WithHint("correct git_repo_config")
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return fault.Wrap(fault.Invalid, cause, "Git repository %s is empty", shown).WithHint("push the definitions first")
	case errors.Is(err, errNoBranch), errors.As(err, &noRefSpec), errors.Is(err, plumbing.ErrReferenceNotFound):
		if s.Branch == "" {
			return fault.Wrap(fault.Invalid, cause, "Git repository %s has no default branch", shown).WithHint("set git_repo_config_branch")
		}
		return fault.Wrap(fault.Invalid, cause, "Git repository %s has no branch %s", shown, s.Branch).WithHint("correct git_repo_config_branch")
	case errors.Is(err, errNoFolder):
		return fault.Wrap(fault.Invalid, cause, "Git repository %s has no folder %s", shown, s.Dir).WithHint("correct git_repo_config_dir")
	}
	return fault.Wrap(fault.Unavailable, cause, "Git repository %s cannot be fetched: %v", shown, cause).
		WithHint("check that the server can be reached from here")
}

// redact gives an error's text without the login that the URL may hold.
func (s Source) redact(err error) error {
	text := strings.ReplaceAll(err.Error(), s.URL, redacted(s.URL))
	if u, parseErr := url.Parse(s.URL); parseErr == nil && u.User != nil {
		if password, ok := u.User.Password(); ok && password != "" {
			text = strings.ReplaceAll(text, password, "[secret]")
		}
		if name := u.User.Username(); u.Scheme != "ssh" && name != "" {
			text = strings.ReplaceAll(text, name, "[secret]")
		}
		text = strings.ReplaceAll(text, u.User.String()+"@", "")
	}
	return errors.New(text)
}

// redacted gives a URL without its login.
func redacted(address string) string {
	if !strings.Contains(address, "://") {
		return address
	}
	u, err := url.Parse(address)
	if err != nil {
		return "[not a URL]"
	}
	u.User = nil
	return u.String()
}
