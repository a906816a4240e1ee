// SPDX-License-Identifier: Apache-2.0

package client

import "encoding/json"

// PlanStep is what a job does about one repository, or would do.
type PlanStep struct {
	Repository string         `json:"repository"` // empty: a definition that cannot be read
	Type       string         `json:"repo_type,omitempty"`
	Server     string         `json:"server"`
	Action     string         `json:"action"` // create, update, sync, remove, unchanged …
	Why        string         `json:"why,omitempty"`
	From       string         `json:"from,omitempty"`
	Options    map[string]any `json:"options,omitempty"` // of Pulp's sync request
	Changes    []PlanChange   `json:"changes"`
	Notes      []string       `json:"notes,omitempty"`
}

// PlanChange is one field of one part of a repository, from what it is to what it becomes, as people read it.
type PlanChange struct {
	Part   string `json:"part"`
	Field  string `json:"field"` // empty: the part as a whole
	Before string `json:"before"`
	After  string `json:"after"`
	ByHand bool   `json:"by_hand,omitempty"`
}

// Plan gives what the task's stages plan; false where none does.
func (t TaskDetail) Plan() ([]PlanStep, bool) {
	for _, stage := range t.Stages {
		told, ok := stage.Detail["plan"].([]any)
		if !ok {
			continue
		}
		text, err := json.Marshal(told)
		var steps []PlanStep
		if err == nil && json.Unmarshal(text, &steps) == nil {
			return steps, true
		}
	}
	return nil, false
}

// DryRun tells whether the task only plans.
func (t Task) DryRun() bool {
	var args struct {
		DryRun bool `json:"dry_run"`
	}
	return json.Unmarshal(t.Args, &args) == nil && args.DryRun
}
