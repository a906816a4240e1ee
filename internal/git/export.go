// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"errors"
	"io"
	"os"
	"path"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/pulp/pulp-manager/internal/fault"
)

// maxBytes bounds what is written of a repository.
const maxBytes = 512 << 20

// export writes the files and links of a tree into a folder, and nothing beside it, whatever
// the names in the tree are.
func export(ctx context.Context, tree *object.Tree, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var written int64
	return tree.Files().ForEach(func(f *object.File) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if written += f.Size; written > maxBytes {
			return fault.New(fault.Invalid, "the folder of definitions in the Git repository is larger than %d MiB", maxBytes>>20).
				WithHint("name a folder with definitions only in git_repo_config_dir")
		}
		if err := root.MkdirAll(path.Dir(f.Name), 0o700); err != nil {
			return err
		}
		return write(root, f)
	})
}

func write(root *os.Root, f *object.File) (err error) {
	from, err := f.Reader()
	if err != nil {
		return err
	}
	defer from.Close()
	if f.Mode == filemode.Symlink {
		target, err := io.ReadAll(from)
		if err != nil {
			return err
		}
		return root.Symlink(string(target), f.Name)
	}
	to, err := root.OpenFile(f.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}
