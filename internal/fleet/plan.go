// SPDX-License-Identifier: Apache-2.0

package fleet

// PlanAction is what a job does about a repository, or would do.
type PlanAction string

// The actions. The last four change nothing.
const (
	PlanCreate        PlanAction = "create"
	PlanUpdate        PlanAction = "update"
	PlanReuse         PlanAction = "reuse" // a snapshot that is there is made equal to its source again
	PlanAdopt         PlanAction = "adopt"
	PlanSync          PlanAction = "sync"
	PlanRemove        PlanAction = "remove"
	PlanRemoveContent PlanAction = "remove_content"

	PlanUnchanged PlanAction = "unchanged"
	PlanKeep      PlanAction = "keep"   // nothing wants it any more
	PlanWait      PlanAction = "wait"   // for an administrator to adopt it
	PlanRefuse    PlanAction = "refuse" // it cannot be done
)

// PlanActions are all actions, in the order in which a summary counts them.
var PlanActions = []PlanAction{
	PlanCreate, PlanUpdate, PlanReuse, PlanAdopt, PlanSync, PlanRemove, PlanRemoveContent, PlanUnchanged, PlanKeep, PlanWait, PlanRefuse,
}

// Changes tells whether the action changes a server.
func (a PlanAction) Changes() bool {
	switch a {
	case PlanUnchanged, PlanKeep, PlanWait, PlanRefuse:
		return false
	}
	return true
}

// PlanStep is what a job does about one repository, in a form for people and programs. It holds no secrets.
type PlanStep struct {
	Repository string         `json:"repository"`
	Type       RepositoryType `json:"repo_type,omitempty"`
	Server     ServerName     `json:"server"`
	Action     PlanAction     `json:"action"`
	Why        string         `json:"why,omitempty"`
	From       string         `json:"from,omitempty"`    // feed, version or server that it is made from
	Options    map[string]any `json:"options,omitempty"` // of Pulp's sync request
	Changes    []PlanChange   `json:"changes"`
	Notes      []string       `json:"notes,omitempty"`
}

// PlanChange is one field of one part of a repository, from what it is to what it becomes, as people read it.
type PlanChange struct {
	Part   string `json:"part"`  // remote, repository, distribution, publication, or the kind of a content unit
	Field  string `json:"field"` // empty: the part as a whole
	Before string `json:"before"`
	After  string `json:"after"`
	ByHand bool   `json:"by_hand,omitempty"` // somebody else changed it since we set it
}

// CountPlan counts the steps by what they do.
func CountPlan(steps []PlanStep) map[PlanAction]int {
	counts := map[PlanAction]int{}
	for _, s := range steps {
		counts[s.Action]++
	}
	return counts
}
