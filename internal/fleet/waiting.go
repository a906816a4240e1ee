// SPDX-License-Identifier: Apache-2.0

package fleet

// WaitingKey is the key of a stage's detail that says what it waits for.
const WaitingKey = "waiting_for"

// WaitingFor tells what a task that runs waits for, by its stages; empty: nothing that they know of.
func WaitingFor(t Task, stages []Stage) string {
	if t.State != Running {
		return ""
	}
	for i := len(stages) - 1; i >= 0; i-- {
		if stages[i].State != StageRunning {
			continue
		}
		if text, ok := stages[i].Detail[WaitingKey].(string); ok && text != "" {
			return text
		}
	}
	return ""
}
