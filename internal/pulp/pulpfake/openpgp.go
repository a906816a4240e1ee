// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// signer signs Release files with a key of its own. The signatures are real, so a real Pulp and apt can verify them.
type signer struct {
	entity      *openpgp.Entity
	public      string // armored
	fingerprint string
}

func pgpConfig() *packet.Config {
	return &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, DefaultHash: crypto.SHA256, V6Keys: false}
}

func newSigner(name string) *signer {
	e, err := openpgp.NewEntity(name, "", name+"@example.test", pgpConfig())
	if err != nil {
		panic(fmt.Sprintf("pulpfake: making a key: %v", err)) // only a broken random source
	}
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err == nil {
		err = e.Serialize(w)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("pulpfake: writing a key: %v", err))
	}
	return &signer{entity: e, public: b.String() + "\n", fingerprint: strings.ToUpper(fmt.Sprintf("%x", e.PrimaryKey.Fingerprint))}
}

// signingService makes one with the server's key.
func (s *Server) signingService(name, script string) *object {
	o := s.newObject(signingServices, map[string]any{
		"name": name, "public_key": s.sign.public, "pubkey_fingerprint": s.sign.fingerprint, "script": script,
	})
	s.add(o)
	return o
}

// RotateKey gives the server's signing services another key. What is published stays signed with the old one.
func (s *Server) RotateKey() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sign = newSigner(s.opt.Name)
	for _, o := range s.byKind[signingServices] {
		o.f["public_key"], o.f["pubkey_fingerprint"] = s.sign.public, s.sign.fingerprint
	}
}

// clear returns an InRelease.
func (s *signer) clear(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, s.entity.PrivateKey, pgpConfig())
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// detached returns a Release.gpg.
func (s *signer) detached(text []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&b, s.entity, bytes.NewReader(text), pgpConfig()); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// verify checks an InRelease, or a Release and its detached signature, against an armored key.
func verify(key string, inRelease, release, signature []byte) error {
	ring, err := openpgp.ReadArmoredKeyRing(strings.NewReader(key))
	if err != nil {
		return err
	}
	if inRelease != nil {
		block, _ := clearsign.Decode(inRelease)
		if block == nil {
			return errors.New("not clear-signed")
		}
		_, err := block.VerifySignature(ring, nil)
		return err
	}
	if release == nil || signature == nil {
		return errors.New("no signature")
	}
	_, err = openpgp.CheckArmoredDetachedSignature(ring, bytes.NewReader(release), bytes.NewReader(signature), nil)
	return err
}

// plainText is what a clear-signed file says, or the file itself if it is not signed.
func plainText(data []byte) []byte {
	if block, _ := clearsign.Decode(data); block != nil {
		return block.Plaintext
	}
	return data
}
