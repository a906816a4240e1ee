// SPDX-License-Identifier: Apache-2.0

package config

// Metrics is section [metrics].
type Metrics struct {
	PerRepository string // auto, on, off
	Processes     bool   // as docker_container_status
}

// metricsFields are the keys of section [metrics], which the original has not.
func metricsFields() []field {
	fields := []field{
		{
			key: "per_repository", value: oneOf(func(s *Settings) *string { return &s.Metrics.PerRepository }, []string{"auto", "on", "off"}), fallback: "auto",
			meaning: "Whether each repository has metrics of its own, four series each: `auto` where there are 20,000 repositories or fewer; else there are only those of the servers. See [metrics.md](metrics.md).",
		},
		{
			key: "docker_container_status", value: strictBool(func(s *Settings) *bool { return &s.Metrics.Processes }), fallback: "false",
			meaning: "Whether there is a metric of this name, which the Python version made of the containers beside it. Here it is made of the processes of Pulp Manager: their host and what they do, 1 where they are alive.",
		},
	}
	for i := range fields {
		fields[i].section, fields[i].added = "metrics", true
	}
	return fields
}
