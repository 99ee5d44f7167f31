"""Tests of warmstore_warm with the real command, which $WARMSTORE names, and
with directories for volumes. $STACK_DOMAIN, if set, is the domain of a stack with
two volumes, b and a behind its name, that nothing uses."""

import os
import pathlib
import re
import tempfile
import unittest

import warmstore_warm as warm


class WarmTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        root = pathlib.Path(scratch.name)
        os.environ["WARMSTORE_ROOT"] = str(root / "warm")
        self.addCleanup(os.environ.pop, "WARMSTORE_ROOT")
        self.dirs = {"sso_data": root / "data", "sso_conf": root / "conf"}
        for path in self.dirs.values():
            path.mkdir()
            (path / "file").write_text("old")

    def snapshot(self):
        return warm.snapshot("sso", "sso.example.org", "c0ffee", "1.0", dirs=self.dirs, labels={"k": "v=w"})

    def test_snapshot_returns_the_record(self):
        self.assertIsNone(warm.read_meta("sso"))
        self.assertFalse(warm.has_snapshot("sso"))
        meta = self.snapshot()
        self.assertRegex(meta.pop("ts"), re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"))
        self.assertEqual(meta, {
            "recipe": "sso", "domain": "sso.example.org", "commit": "c0ffee", "version": "1.0",
            "volumes": ["sso_conf", "sso_data"],
        })
        self.assertTrue(warm.has_snapshot("sso"))
        self.assertEqual(warm.read_meta("sso")["volumes"], ["sso_conf", "sso_data"])

    def test_restore_brings_back_exactly_that(self):
        self.snapshot()
        (self.dirs["sso_data"] / "file").write_text("new")
        (self.dirs["sso_data"] / ".more").write_text("new")
        self.assertEqual(warm.restore("sso", dirs=self.dirs)["version"], "1.0")
        self.assertEqual([p.name for p in self.dirs["sso_data"].iterdir()], ["file"])
        self.assertEqual((self.dirs["sso_data"] / "file").read_text(), "old")
        (self.dirs["sso_conf"] / "file").unlink()
        warm.restore("sso")
        self.assertEqual((self.dirs["sso_conf"] / "file").read_text(), "old")

    def test_errors_say_what_the_command_says(self):
        with self.assertRaises(warm.SnapshotError) as caught:
            warm.restore("sso")
        self.assertEqual(caught.exception.code, warm.NOT_FOUND)
        with self.assertRaises(warm.SnapshotError) as caught:
            warm.snapshot("../sso", "sso.example.org", dirs=self.dirs)
        self.assertEqual(caught.exception.code, warm.USAGE)
        self.assertIn("../sso", str(caught.exception))
        with self.assertRaises(warm.SnapshotError):
            warm.has_snapshot("--help")
        os.environ["WARMSTORE"], before = "/nowhere/warmstore", os.environ["WARMSTORE"]
        self.addCleanup(os.environ.__setitem__, "WARMSTORE", before)
        with self.assertRaisesRegex(warm.SnapshotError, "/nowhere/warmstore: No such file"):
            self.snapshot()

    @unittest.skipUnless("STACK_DOMAIN" in os.environ, "no stack is given")
    def test_stack(self):
        domain = os.environ["STACK_DOMAIN"]
        names = [domain.replace(".", "_") + end for end in ("_a", "_b")]
        self.assertEqual(warm.stack_volumes(domain), names)
        self.assertEqual(warm.snapshot("stack", domain)["volumes"], names)
        self.assertEqual(warm.restore("stack", domain)["domain"], domain)
        with self.assertRaisesRegex(warm.SnapshotError, "nothing to snapshot"):
            warm.snapshot("none", "none." + domain)
        self.assertEqual(warm.stack_volumes("none." + domain), [])


if __name__ == "__main__":
    unittest.main()
