// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed schema.json
var schemaJSON []byte

// schema is what a live server says of itself; see gen.
var schema = loadSchema()

type schemaTable struct {
	Versions map[string]string   `json:"versions"`
	Ops      map[string]schemaOp `json:"ops"`
}

type schemaOp struct {
	Query  map[string]string      `json:"q"`
	Body   map[string]schemaField `json:"b"`
	Answer []string               `json:"a"`
}

type schemaField struct {
	Type     string   `json:"t"`
	Format   string   `json:"f"`
	Required bool     `json:"r"`
	Null     bool     `json:"null"`
	Secret   bool     `json:"w"`
	MinLen   int      `json:"minlen"`
	MaxLen   int      `json:"maxlen"`
	Min      *float64 `json:"min"`
	Max      *float64 `json:"max"`
	Enum     []any    `json:"enum"`
	Default  any      `json:"def"`
	Items    string   `json:"items"`
}

func loadSchema() schemaTable {
	var t schemaTable
	if err := json.Unmarshal(schemaJSON, &t); err != nil {
		panic(fmt.Sprintf("pulpfake: schema.json: %v", err)) // embedded: a defect of the build
	}
	return t
}

func (t schemaTable) bodyOf(k *kind) map[string]schemaField { return t.Ops["POST "+k.path+"/"].Body }

func (t schemaTable) answerOf(path string) []string { return t.Ops["GET "+path+"/"].Answer }

// Versions are the versions of the Pulp server whose own description the fake's tables were generated from.
func Versions() map[string]string {
	res := map[string]string{}
	for k, v := range schema.Versions {
		res[k] = v
	}
	return res
}
