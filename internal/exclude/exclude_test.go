package exclude

import (
	"errors"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, path string
		want          bool
	}{
		{"cache", "cache", true},
		{"cache", "data/cache", false},
		{"**/cache", "cache", true},
		{"**/cache", "a/b/cache", true},
		{"**/cache", "a/b/cached", false},
		{"*.tmp", "x.tmp", true},
		{"*.tmp", "a/x.tmp", false},
		{"**/*.{tmp,pid}", "run/x.pid", true},
		{"log/[0-9]*", "log/7.txt", true},
		{"log/[0-9]*", "log/a.txt", false},
		{"a?", "a\xff", true},
		{"a\\*", "a*", true},
		{"a\\*", "ab", false},
		{"**/x\ny", "d/x\ny", true},
	} {
		if got := (Patterns{"nothing", tt.pattern}).Match(tt.path); got != tt.want {
			t.Errorf("%q matches %q: %t", tt.pattern, tt.path, got)
		}
	}
}

func TestBadPatterns(t *testing.T) {
	for _, pattern := range []string{"", "/abs", "./here", "dir/", "[a", "{a", `a\`} {
		if err := (Patterns{"fine", pattern}).Check(); !errors.Is(err, ErrPattern) {
			t.Errorf("%q: error is %v", pattern, err)
		}
	}
	if err := (Patterns{"**/cache", "a*b", "{x,y}/[!z]"}).Check(); err != nil {
		t.Error(err)
	}
}
