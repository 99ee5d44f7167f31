package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
)

// keycloakSQL makes the tables and fills them; psql's variable users is how
// many there are.
//
//go:embed keycloak.sql
var keycloakSQL string

// The transactions on a Keycloak database, for pgbench. The number is how many
// of eleven are of that kind.
const (
	keycloakLogin = `
\set user random(1, :users)
BEGIN;
UPDATE user_attribute SET value = now()::text WHERE user_id = new_id('user' || :user) AND name = 'last_login';
INSERT INTO event_entity SELECT * FROM new_event(:user, 'LOGIN');
INSERT INTO event_entity SELECT * FROM new_event(:user, 'CODE_TO_TOKEN');
COMMIT;
`
	keycloakRegister = `
BEGIN;
SELECT new_user(nextval('user_number')::int);
COMMIT;
`
	keycloakPassword = `
\set user random(1, :users)
BEGIN;
UPDATE credential SET secret_data = new_secret(random()::text), created_date = created_date + 1
	WHERE user_id = new_id('user' || :user);
INSERT INTO event_entity SELECT * FROM new_event(:user, 'UPDATE_PASSWORD');
COMMIT;
`
	keycloakMix = 9 // logins to a registration and to a changed password
)

// keycloak is a database as Keycloak makes it: users, credentials and events
// with UUIDs, JSON and hashes, and indexes over them. It compresses to about
// 30 %.
type keycloak struct {
	cluster
	name  string
	scale Scale
}

func newKeycloak(scale Scale, scratch string) keycloak {
	return keycloak{newCluster(scratch, "keycloak"), "keycloak", scale}
}

// newKeycloakOf returns one of about so many MB, named after them.
func newKeycloakOf(size int, scale Scale, scratch string) keycloak {
	name := fmt.Sprintf("keycloak-%d", size)
	scale.Database = size
	return keycloak{newCluster(scratch, name), name, scale}
}

// Name implements Workload.
func (k keycloak) Name() string { return k.name }

// users is how many there are at first.
func (k keycloak) users() int {
	const perMB = 150
	return max(1000, perMB*k.scale.Database)
}

// Build implements Workload.
func (k keycloak) Build(ctx context.Context, dir string) error {
	if err := k.create(ctx, dir); err != nil {
		return fmt.Errorf("build keycloak: %w", err)
	}
	return k.during(ctx, dir, filling, func() error {
		return k.sql(ctx, fmt.Sprintf("\\set users %d\n%s", k.users(), keycloakSQL))
	})
}

// Change implements Workload: people log in, some register, some change their
// password.
func (k keycloak) Change(ctx context.Context, dir string, night int) error {
	args := []string{"-D", fmt.Sprintf("users=%d", k.users())}
	for _, t := range []struct {
		name, script string
		weight       int
	}{
		{"login", keycloakLogin, keycloakMix}, {"register", keycloakRegister, 1}, {"password", keycloakPassword, 1},
	} {
		path := filepath.Join(k.sock, t.name)
		if err := os.WriteFile(path, []byte(t.script), 0o644); err != nil {
			return fmt.Errorf("change keycloak: %w", err)
		}
		args = append(args, "-f", fmt.Sprintf("%s@%d", path, t.weight))
	}
	return k.during(ctx, dir, "", func() error { return k.transact(ctx, night, k.scale.Transactions, args...) })
}
