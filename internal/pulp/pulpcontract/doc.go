// SPDX-License-Identifier: Apache-2.0

// Package pulpcontract says what a Pulp server does, as tests that pulpfake and a real server must both pass. Whatever
// the client and the orchestrator rely on is here; when the two disagree, the fake is wrong.
//
// The tests run on the fake always. They run on a real pair, with nothing left out, when PULPMAN_TEST_PULP names it:
// "http://primary:port,http://secondary:port". The pair must be able to reach 127.0.0.1 of the machine that runs the
// tests, where the packages to sync are served, and must have a deb signing service.
package pulpcontract
