// Package archive writes snapshots in the layout in which the replaced script
// kept them, and takes those into a store: snapshot/meta.json, and of each volume
// a tar, snapshot/volumes/VOLUME.tar.
package archive

import (
	"encoding/json"

	"github.com/warmstore/warmstore/store"
)

// The names in an archive.
const (
	top       = "snapshot"
	metaName  = "meta.json"
	volumeDir = "volumes"
	tarSuffix = ".tar"
)

// timeFormat is that of meta.json: UTC, seconds, Z.
const timeFormat = "2006-01-02T15:04:05Z"

// meta is what meta.json says: what the replaced script wrote, and under one
// key what it did not have.
type meta struct {
	Recipe  string   `json:"recipe"`
	Domain  string   `json:"domain"`
	Commit  string   `json:"commit"`
	Version string   `json:"version"`
	Volumes []string `json:"volumes"`
	Time    string   `json:"ts"`
	Extra   *extra   `json:"warmstore,omitempty"`
}

// extra is what a restore wants to know besides. Neither paths nor the engine's
// volumes are in it: who makes an archive must not say where it is restored to.
type extra struct {
	Labels map[string]string `json:"labels,omitempty"`
	Source store.Source      `json:"source"`
}

func newMeta(r *store.Record, volumes []*store.VolumeRecord) *meta {
	m := &meta{
		Recipe: r.App, Domain: r.Domain, Commit: r.Commit, Version: r.Version,
		Time:  r.Time.UTC().Format(timeFormat),
		Extra: &extra{Labels: r.Labels, Source: store.Source{Kind: r.Source.Kind, Name: r.Source.Name}},
	}
	for _, v := range volumes {
		m.Volumes = append(m.Volumes, v.Name)
	}
	return m
}

// encode returns the text of meta.json.
func (m *meta) encode() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	return append(b, '\n'), err
}
