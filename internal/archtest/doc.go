// SPDX-License-Identifier: Apache-2.0

// Package archtest holds the project to its structure: who may import whom, where a
// repository type's name may be compared, how large a file may grow. It has tests only.
//
// A rule is a function from source files to complaints, so that each is also tried on
// sources that break it.
package archtest
