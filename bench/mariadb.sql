-- The tables of Nextcloud that grow with its files, with their indexes. Values
-- look random but are functions of a number, so that every build is the same.

CREATE DATABASE nextcloud CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
USE nextcloud

CREATE TABLE filecache (
	fileid bigint PRIMARY KEY, storage bigint NOT NULL, path varchar(4000), path_hash varchar(32) NOT NULL,
	parent bigint NOT NULL, name varchar(250), mimetype bigint NOT NULL, mimepart bigint NOT NULL,
	size bigint NOT NULL, mtime bigint NOT NULL, storage_mtime bigint NOT NULL, encrypted int NOT NULL,
	unencrypted_size bigint NOT NULL, etag varchar(40), permissions int, checksum varchar(255),
	UNIQUE (storage, path_hash), INDEX (parent, name), INDEX (storage, mimetype), INDEX (storage, mimepart),
	INDEX (storage, size, fileid), INDEX (mtime), INDEX (size), INDEX (name), INDEX (storage, path(64)));
CREATE TABLE activity (
	activity_id bigint PRIMARY KEY, timestamp int NOT NULL, priority int NOT NULL, type varchar(255),
	user varchar(64), affecteduser varchar(64) NOT NULL, app varchar(32) NOT NULL, subject varchar(255) NOT NULL,
	subjectparams longtext NOT NULL, message varchar(255), messageparams longtext, file varchar(4000),
	link varchar(4000), object_type varchar(255), object_id bigint NOT NULL,
	INDEX (affecteduser, timestamp), INDEX (affecteduser, user, timestamp),
	INDEX (affecteduser, app, timestamp), INDEX (object_type, object_id));
CREATE TABLE share (
	id bigint AUTO_INCREMENT PRIMARY KEY, share_type smallint NOT NULL, share_with varchar(255), password varchar(255),
	uid_owner varchar(64) NOT NULL, item_type varchar(64) NOT NULL, file_source bigint, file_target varchar(512),
	permissions smallint NOT NULL, stime bigint NOT NULL, token varchar(32), attributes longtext,
	INDEX (file_source), INDEX (token), INDEX (uid_owner));
CREATE TABLE authtoken (
	id bigint PRIMARY KEY, uid varchar(64) NOT NULL, login_name varchar(255) NOT NULL, name longtext NOT NULL,
	token varchar(200) NOT NULL, type smallint, last_activity bigint, last_check bigint, private_key longtext,
	UNIQUE (token), INDEX (last_activity), INDEX (uid));

DELIMITER //

-- new_files adds up to 1,000 files from number first on. Forty share a directory,
-- which is the first of them.
CREATE PROCEDURE new_files(first bigint, count int)
	INSERT INTO filecache
	SELECT n, owner, CONCAT('files/', dir, '/', name), MD5(CONCAT(owner, 'files/', dir, '/', name)),
		IF(n % 40 = 0, n DIV 1600 * 40, n DIV 40 * 40), name, 3 + n % 11, 2 + n % 4,
		CONV(LEFT(SHA1(n), 6), 16, 10), 1500000000 + n * 61, 1500000000 + n * 61, 0, 0,
		MD5(CONCAT('etag', n)), 27, CONCAT('SHA1:', SHA1(CONCAT('content', n)))
	FROM (
		SELECT n, 1 + n DIV 4000 % 97 AS owner,
			CONCAT(ELT(1 + n DIV 40 % 5, 'Photos', 'Documents/Projects', 'Music', 'Notes/Archive', 'Talk'), '/',
				2008 + n DIV 40 % 17, '/', ELT(1 + n DIV 120 % 4, 'Holiday', 'Invoices', 'Family', 'Work'),
				' ', n DIV 40) AS dir,
			IF(n % 4 = 0, CONCAT('IMG_', 20080101 + n % 170000, '_', CRC32(n), '.jpg'),
				CONCAT(ELT(1 + n % 3, 'Report', 'Scan', 'Letter to '), n, ' ', LEFT(MD5(n), 18),
					ELT(1 + n % 5, '.pdf', '.odt', '.md', '.docx', '.png'))) AS name
		FROM (SELECT first + seq AS n FROM seq_0_to_999 WHERE seq < count) AS number) AS file //

-- new_activities adds up to 1,000 activities from number first on, each about
-- the file of number first_file on, as many files further.
CREATE PROCEDURE new_activities(first bigint, count int, first_file bigint)
	INSERT INTO activity
	SELECT first + fileid - first_file, 1600000000 + (first + fileid - first_file) * 31, 30,
		ELT(1 + (first + fileid) % 3, 'file_changed', 'file_created', 'shared'),
		CONCAT('person', storage), CONCAT('person', storage), 'files',
		ELT(1 + (first + fileid) % 3, 'changed_self', 'created_self', 'shared_user_self'),
		JSON_ARRAY(JSON_OBJECT(fileid, CONCAT('/', path)), CONCAT('person', first % 97)), '', '[]', CONCAT('/', path),
		CONCAT('https://cloud.example.com/index.php/apps/files/?dir=/', parent), 'files', fileid
	FROM filecache WHERE fileid >= first_file AND fileid < first_file + count //

-- new_shares shares every hundredth of count files from number first on.
CREATE PROCEDURE new_shares(first bigint, count int, every int)
	INSERT INTO share (share_type, share_with, password, uid_owner, item_type, file_source, file_target,
		permissions, stime, token, attributes)
	SELECT IF(fileid % 2, 3, 0), CONCAT('person', fileid % 89), IF(fileid % 2, CONCAT(
			'3|$argon2id$v=19$m=65536,t=4,p=1$', TO_BASE64(UNHEX(MD5(fileid))), '$',
			REPLACE(TO_BASE64(UNHEX(SHA2(fileid, 256))), '\n', '')), NULL),
		CONCAT('person', storage), 'file', fileid, CONCAT('/', name), 19, 1600000000 + fileid * 61,
		LEFT(TO_BASE64(UNHEX(SHA1(CONCAT('token', fileid)))), 15),
		JSON_ARRAY(JSON_OBJECT('scope', 'permissions', 'key', 'download', 'value', fileid % 3 > 0))
	FROM filecache WHERE fileid >= first AND fileid < first + count AND fileid % every = 0 //

-- new_tokens adds count tokens of apps that log in, from number first on.
CREATE PROCEDURE new_tokens(first bigint, count int)
	INSERT INTO authtoken
	SELECT n, CONCAT('person', n % 97), CONCAT('person', n % 97),
		ELT(1 + n % 3, 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
			'Nextcloud-android/3.29.0', 'Mozilla/5.0 (Linux) mirall/3.13.0 (Nextcloud)'),
		SHA2(CONCAT('token', n), 512), 1, 1700000000 + n, 1700000000 + n,
		(SELECT CONCAT(GROUP_CONCAT(SHA2(CONCAT('key', n, '-', seq), 512) SEPARATOR ''), '|', MD5(n), '|3')
			FROM seq_1_to_27)
	FROM (SELECT first + seq AS n FROM seq_0_to_999 WHERE seq < count) AS number //

-- fill adds files, with an activity each, and a token to ten of them.
CREATE PROCEDURE fill(files int)
BEGIN
	DECLARE n int DEFAULT 0;
	WHILE n < files DO
		START TRANSACTION;
		CALL new_files(n, 1000);
		CALL new_activities(n, 1000, n);
		CALL new_shares(n, 1000, 20);
		CALL new_tokens(n DIV 10, 100);
		COMMIT;
		SET n = n + 1000;
	END WHILE;
END //

-- work does transactions. Each is about some file, as its number says, and logs an
-- activity: of twenty, fifteen change the file and with it the etags of its
-- directories, two add one, one shares one, one deletes one, and one comes with a
-- new token.
CREATE PROCEDURE work(transactions int)
BEGIN
	DECLARE n, last, files, file, tokens bigint;
	SELECT MAX(activity_id) + 1 INTO n FROM activity;
	SELECT MAX(fileid) + 1 INTO files FROM filecache;
	SELECT MAX(id) + 1 INTO tokens FROM authtoken;
	SET last = n + transactions;
	WHILE n < last DO
		SET file = CRC32(CONCAT('file', n)) % files;
		START TRANSACTION;
		CASE n % 20
			WHEN 0 THEN
				DELETE FROM share WHERE file_source = file;
				DELETE FROM filecache WHERE fileid = file;
				SET file = file DIV 40 * 40; -- the log is about its directory
			WHEN 1 THEN CALL new_shares(file, 1, 1);
			WHEN 2 THEN SET file = files, files = files + 1; CALL new_files(file, 1);
			WHEN 3 THEN SET file = files, files = files + 1; CALL new_files(file, 1);
			WHEN 4 THEN CALL new_tokens(tokens, 1); SET tokens = tokens + 1;
			ELSE
				UPDATE authtoken SET last_activity = 1800000000 + n WHERE id = file % tokens;
				UPDATE filecache SET size = size + n % 9973, mtime = 1700000000 + n * 31, storage_mtime = mtime,
					etag = MD5(CONCAT('etag', n)) WHERE fileid = file;
				UPDATE filecache SET mtime = 1700000000 + n * 31, etag = MD5(CONCAT('directory', n))
					WHERE fileid IN (file DIV 40 * 40, file DIV 1600 * 40, 0);
		END CASE;
		CALL new_activities(n, 1, file);
		COMMIT;
		SET n = n + 1;
	END WHILE;
END //

DELIMITER ;
