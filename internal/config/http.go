// SPDX-License-Identifier: Apache-2.0

package config

import "time"

// httpFields are the keys of section [http], which the original has not.
func httpFields() []field {
	fields := []field{
		{
			key: "tls_certificate_file", value: text(func(s *Settings) *string { return &s.HTTP.CertificateFile }),
			meaning: "PEM file with the API's certificate and its chain. Empty: no TLS. It is read again when it changes.",
		},
		{
			key: "tls_key_file", value: text(func(s *Settings) *string { return &s.HTTP.KeyFile }),
			meaning: "PEM file with the certificate's private key.",
		},
		{
			key: "trusted_proxies", value: list(func(s *Settings) *[]string { return &s.HTTP.TrustedProxies }),
			meaning: "Addresses or networks of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. Empty: nobody's.",
		},
		{
			key: "cors_origins", value: list(func(s *Settings) *[]string { return &s.HTTP.CORSOrigins }),
			meaning: "Origins (`https://host`) of pages that may use the API from a browser. Empty: none.",
		},
		{
			key: "max_requests", value: whole(func(s *Settings) *int { return &s.HTTP.MaxRequests }, 1, 100000), fallback: "256",
			meaning: "Requests served at once; one more is answered 503.",
		},
		{
			key: "max_streams", value: whole(func(s *Settings) *int { return &s.HTTP.MaxStreams }, 1, 100000), fallback: "1000",
			meaning: "Event streams served at once; one more is answered 503.",
		},
		{
			key: "request_timeout", value: number(func(s *Settings) *time.Duration { return &s.HTTP.RequestTimeout }, time.Second, "seconds"), fallback: "60",
			meaning: "How long one request to the API may take, in seconds.",
		},
	}
	for i := range fields {
		fields[i].section, fields[i].added = "http", true
	}
	return fields
}
