-- The tables of Keycloak that grow with its users, with their indexes. Values
-- look random but are functions of a number, so that every build is the same.

CREATE TABLE user_entity (
	id varchar(36) PRIMARY KEY,
	email varchar(255), email_constraint varchar(255), email_verified boolean NOT NULL, enabled boolean NOT NULL,
	first_name varchar(255), last_name varchar(255), realm_id varchar(255), username varchar(255),
	created_timestamp bigint, not_before int NOT NULL,
	UNIQUE (realm_id, email_constraint), UNIQUE (realm_id, username));
CREATE TABLE credential (
	id varchar(36) PRIMARY KEY,
	salt bytea, type varchar(255), user_id varchar(36) REFERENCES user_entity, created_date bigint,
	user_label varchar(255), secret_data text, credential_data text, priority int);
CREATE TABLE user_attribute (
	id varchar(36) PRIMARY KEY,
	name varchar(255) NOT NULL, value varchar(255), user_id varchar(36) NOT NULL REFERENCES user_entity);
CREATE TABLE user_role_mapping (
	role_id varchar(255), user_id varchar(36) REFERENCES user_entity, PRIMARY KEY (role_id, user_id));
CREATE TABLE event_entity (
	id varchar(36) PRIMARY KEY,
	client_id varchar(255), details_json varchar(2550), error varchar(255), ip_address varchar(255),
	realm_id varchar(255), session_id varchar(255), event_time bigint, type varchar(255), user_id varchar(255));
CREATE SEQUENCE event_number;

CREATE FUNCTION new_id(seed text) RETURNS text LANGUAGE sql AS $$ SELECT md5(seed)::uuid::text $$;

CREATE FUNCTION new_secret(seed text) RETURNS text LANGUAGE sql AS $$
	SELECT json_build_object(
		'value', replace(encode(sha512(seed::bytea), 'base64'), E'\n', ''),
		'salt', encode(substr(sha256(('salt' || seed)::bytea), 1, 16), 'base64'),
		'additionalParameters', json_build_object())::text $$;

CREATE FUNCTION new_event(n int, kind text) RETURNS SETOF event_entity LANGUAGE sql AS $$
	SELECT new_id('event' || e), 'account-console', json_build_object(
			'auth_method', 'openid-connect', 'token_id', new_id('token' || e),
			'refresh_token_id', new_id('refresh' || e), 'code_challenge', encode(sha256(('pkce' || e)::bytea), 'base64'),
			'code_id', new_id('code' || e), 'username', 'person' || n)::text,
		NULL, '10.' || n % 251 || '.' || e % 253 || '.' || e % 241, new_id('realm'), new_id('session' || e),
		1700000000000 + e * 977, kind, new_id('user' || n)
	FROM (SELECT nextval('event_number') AS e) AS number $$;

CREATE FUNCTION new_user(n int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO user_entity SELECT new_id('user' || n),
		'person' || n || '@example.com', 'person' || n || '@example.com', true, true,
		(ARRAY['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald', 'Radia', 'Leslie'])[1 + n % 7],
		initcap(substr(md5('name' || n), 1, 5 + n % 7)), new_id('realm'), 'person' || n, 1600000000000 + n * 7919::bigint, 0;
	INSERT INTO credential SELECT new_id('credential' || n), NULL, 'password', new_id('user' || n),
		1600000000000 + n * 7919::bigint, NULL, new_secret('secret' || n),
		'{"hashIterations":210000,"algorithm":"pbkdf2-sha512","additionalParameters":{}}', 10;
	INSERT INTO user_attribute SELECT new_id(name || n), name,
		CASE name WHEN 'last_login' THEN now()::text ELSE substr(md5(name || n), 1, 12) END, new_id('user' || n)
		FROM unnest(ARRAY['last_login', 'department', 'phone']) AS name;
	INSERT INTO user_role_mapping SELECT new_id('role' || r), new_id('user' || n) FROM generate_series(1, 2) AS r;
	INSERT INTO event_entity SELECT * FROM new_event(n, 'REGISTER') $$;

CREATE INDEX ON user_entity (email);
CREATE INDEX ON credential (user_id);
CREATE INDEX ON user_attribute (user_id);
CREATE INDEX ON user_attribute (name, value);
CREATE INDEX ON user_role_mapping (user_id);
CREATE INDEX ON event_entity (realm_id, event_time);

SELECT count(new_user(n)) FROM generate_series(1, :users) AS n;
INSERT INTO event_entity SELECT e.* FROM generate_series(1, 2 * :users) AS n, new_event(n * 31 % :users, 'LOGIN') AS e;
CREATE SEQUENCE user_number;
SELECT setval('user_number', :users);
VACUUM ANALYZE;
