package manifest

// A Cursor looks up the entries of an older manifest in the order of a walk,
// and keeps only one of them in memory: it reads on in the manifest as the walk
// goes on in the tree. A nil Cursor finds nothing, and neither does one that
// could not read its manifest. It is not safe for concurrent use.
type Cursor struct {
	dec   *Decoder
	next  *Entry // read but not passed; nil before a read
	open  bool   // the entry passed last is a directory nobody entered
	blind int    // directories the walk is in that the manifest does not have
	err   error
}

// NewCursor returns a Cursor whose directory is the root.
func NewCursor(dec *Decoder) *Cursor {
	_, err := dec.Next()
	return &Cursor{dec: dec, err: err}
}

// Err returns why the manifest could not be read to where the walk is, if so.
func (c *Cursor) Err() error {
	if c == nil {
		return nil
	}
	return c.err
}

// Find returns the entry of this name in the cursor's directory, nil if there
// is none. Names must be asked for in ascending order. The entry is valid until
// the next call.
func (c *Cursor) Find(name string) *Entry {
	if c == nil || c.blind > 0 {
		return nil
	}
	for {
		e := c.peek()
		if e == nil || e.Kind == End || e.Name > name {
			return nil
		}
		c.pass()
		if e.Name == name {
			return e
		}
	}
}

// Enter makes the directory that was just looked up the cursor's.
func (c *Cursor) Enter() {
	switch {
	case c == nil:
	case c.open:
		c.open = false
	default:
		c.blind++
	}
}

// Leave goes back to the directory above the cursor's.
func (c *Cursor) Leave() {
	if c == nil {
		return
	}
	if c.blind > 0 {
		c.blind--
		return
	}
	for e := c.peek(); e != nil; e = c.peek() {
		c.pass()
		if e.Kind == End {
			return
		}
	}
}

// peek returns the next entry of the cursor's directory without passing it;
// nil after an error.
func (c *Cursor) peek() *Entry {
	if c.open {
		c.open = false
		c.skip()
	}
	if c.next == nil {
		c.next = c.read()
	}
	return c.next
}

func (c *Cursor) pass() {
	c.open = c.next.IsDir()
	c.next = nil
}

// skip passes the rest of a directory, everything below it included.
func (c *Cursor) skip() {
	for depth := 1; depth > 0; {
		e := c.read()
		switch {
		case e == nil:
			return
		case e.Kind == End:
			depth--
		case e.IsDir():
			depth++
		}
	}
}

func (c *Cursor) read() (e *Entry) {
	if c.err == nil {
		e, c.err = c.dec.Next()
	}
	return e
}
