// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// fingerprintRow is a row of fingerprints.
type fingerprintRow struct {
	bun.BaseModel `bun:"table:fingerprints,alias:f"`

	ServerID    int64  `bun:"server_id,pk"`
	Key         string `bun:"key,pk"`
	Fingerprint string `bun:"fingerprint"`
}

// Fingerprints implements fleet.Fingerprints.
func (s *Store) Fingerprints(ctx context.Context, server fleet.ServerID) (map[string]string, error) {
	var rows []fingerprintRow
	if err := s.read.NewSelect().Model(&rows).Where("f.server_id = ?", server).Scan(ctx); err != nil {
		return nil, s.errors.classify(ctx, err, "read the fingerprints of a server's secrets")
	}
	all := make(map[string]string, len(rows))
	for _, r := range rows {
		all[r.Key] = r.Fingerprint
	}
	return all, nil
}

// SetFingerprint implements fleet.Fingerprints. An empty fingerprint forgets the key.
func (s *Store) SetFingerprint(ctx context.Context, server fleet.ServerID, key, fingerprint string) error {
	return s.inTx(ctx, "store the fingerprint of a secret", func(ctx context.Context, t tx) error {
		if fingerprint == "" {
			_, err := t.NewDelete().Model((*fingerprintRow)(nil)).Where("f.server_id = ? AND f.key = ?", server, key).Exec(ctx)
			return err
		}
		row := fingerprintRow{ServerID: int64(server), Key: key, Fingerprint: fingerprint}
		_, err := t.NewInsert().Model(&row).On("CONFLICT (server_id, key) DO UPDATE").
			Set("fingerprint = excluded.fingerprint").Exec(ctx)
		return err
	})
}
