// Package attack lets someone who owns the content of a volume attack the
// snapshots and restores of it: names are exchanged for symlinks, hard links,
// FIFOs and directories as fast as the kernel can, in the hope that one is
// followed between the look at it and its use.
//
// An Arena has the volume, a Victim outside of it and what else is outside. A
// Swapper attacks the volume while Arena.Run takes snapshots and restores, and the
// Report says in how many runs the victim was so much as opened. That this is
// seen is shown with a bug of package planted: lookups by name.
package attack
