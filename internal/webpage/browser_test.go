package webpage

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warmstore/warmstore/internal/need"
)

// A site serves pages to a browser, which has it as its proxy too, so that it
// sees every request there is.
type site struct {
	*httptest.Server
	mu       sync.Mutex
	requests []string
}

func newSite(t *testing.T, pages map[string]string) *site {
	s := new(site)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Host+r.URL.Path)
		s.mu.Unlock()
		page, ok := pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(page))
	}))
	t.Cleanup(s.Close)
	return s
}

// asked reports whether a request contained text.
func (s *site) asked(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(strings.Join(s.requests, "\n"), text)
}

// render has a browser load a page of the site, and returns what became of it.
func (s *site) render(t *testing.T, path string) (dom string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--user-data-dir="+t.TempDir(), "--proxy-server="+s.URL, "--proxy-bypass-list=<-loopback>",
		"--window-size=1280,1000", "--virtual-time-budget=5000", "--dump-dom", s.URL+path)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	return string(out)
}

func TestBrowserShowsThePageAndRunsNothing(t *testing.T) {
	need.Tools(t, "chromium")
	page := write(t, example())
	control := `<title>before</title><img src="http://evil.invalid/control"><script>document.title = 'ran'</script>`
	s := newSite(t, map[string]string{"/page": page, "/control": control})
	dom := s.render(t, "/control")
	if !strings.Contains(dom, "<title>ran</title>") || !s.asked("evil.invalid/control") {
		t.Fatalf("the test sees neither scripts nor requests: %s, %q", dom, s.requests)
	}
	dom = s.render(t, "/page")
	for _, want := range []string{
		"<title>warmstore: 1.2 GiB on disk</title>", "1,261,830,930 bytes", ">942 MiB<", ">1.1 GiB<",
		"saved</dt><dd>7.8×", "evil/data: dir/&lt;script&gt;document.title=", "16 MiB", "4.0 MiB",
	} {
		if !strings.Contains(dom, want) {
			t.Errorf("the browser does not show %q", want)
		}
	}
	if strings.Contains(dom, "<title>pwned") || strings.Contains(dom, "<script") || strings.Contains(dom, "<img") {
		t.Error("a name became an element")
	}
	for _, r := range s.requests {
		if strings.Contains(r, "evil.invalid") && !strings.Contains(r, "/control") {
			t.Errorf("the page asks for %s", r)
		}
	}
}

// measuring loads a page in a frame and says how much wider than the frame it is,
// what sticks out, and how much of the map's width an open box has.
const measuring = `<body><iframe src="%s" style="width:%dpx;height:800px;border:0"></iframe><script>
addEventListener('load', () => {
	const doc = document.querySelector('iframe').contentDocument, root = doc.documentElement;
	const width = e => e ? e.getBoundingClientRect().width : 0;
	const wide = [...doc.querySelectorAll('main *')].filter(e => !e.closest('.map, svg') &&
		e.getBoundingClientRect().right > root.clientWidth + 1).map(e => e.className || e.tagName);
	const open = Math.round(width(doc.querySelector('.box:target')) * 100 / width(doc.querySelector('.map')));
	document.body.innerHTML = '<p>' + [root.scrollWidth - root.clientWidth, wide.join(' '), open].join('|') + '</p>';
});
</script>`

// TestPageFitsItsScreen measures in a browser whether anything is wider than a
// phone or a desktop, and whether a box that was followed fills the map.
func TestPageFitsItsScreen(t *testing.T) {
	need.Tools(t, "chromium")
	page := write(t, example())
	pages := map[string]string{
		"/page": page,
		"/bad":  strings.Replace(page, "<header>", `<header><div class="bad" style="width:500px">bad</div>`, 1),
	}
	want := map[string]string{}
	frame := func(src string, width int, measured string) {
		path := fmt.Sprintf("/frame%d", len(want))
		pages[path], want[path] = fmt.Sprintf(measuring, src, width), measured
	}
	frame("/page", 390, "0||0")
	frame("/page", 1280, "0||0")
	frame("/page#b1", 390, "0||100")
	frame("/bad", 390, "too wide")
	s := newSite(t, pages)
	for path, want := range want {
		dom := s.render(t, path)
		_, got, _ := strings.Cut(dom, "<p>")
		got, _, _ = strings.Cut(got, "</p>")
		if strings.HasSuffix(got, "|bad|0") && !strings.HasPrefix(got, "0|") {
			got = "too wide"
		}
		if got != want {
			t.Errorf("%s: too wide by, what is, percent of an open box: %s, want %s", path, got, want)
		}
	}
}
