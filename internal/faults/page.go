// stub
package faults

func (c *Scorecard) WritePage(path string) error { return nil }
