// SPDX-License-Identifier: Apache-2.0

// Package pulpfake is a Pulp 3 server in memory, spoken to over real HTTP, that can be told to fail.
//
// It imitates what a Pulp 3.123 pair was seen doing: 201 and 202 answers, Pulp tasks that take time and queue on
// locks, strict body fields and filters (schema.json, generated from a live server's own API description by gen),
// content that is really fetched from a remote's url and really served: below /pulp/content/, package indices below
// /pypi/, the container registry below /v2/. Where the fake and a real server disagree, the fake is wrong: pulpcontract
// is the suite both must pass.
//
// A test starts one with [Start], makes it misbehave with [Server.Inject], [Server.Hold], [Server.FailNext],
// [Server.Kill] or [Server.Stop], and ends with [Server.Check], which looks for what no orchestrator may leave behind.
// [Upstream] serves deb, rpm, file, python and container trees for it to sync from; [Server.Push] puts an image into it as
// a client does.
package pulpfake
