// Package stale tests that no snapshot holds a stale file: whoever changes a
// file, however it looks to stat afterwards, the next snapshot has the change
// although it does not read what looks unchanged.
//
// Single changes are tried one by one on every file system that is trusted with
// this, stores through shared mappings on every file system, and random
// histories are compared with snapshots that read everything. That stale files
// are seen is shown with a bug of package planted.
package stale
