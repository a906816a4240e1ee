// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
)

func realPair(context.Context, options) error { return errors.New("not yet") }
