package tidy

import (
	"go/ast"
	"go/token"
	"strings"
)

// hasPackageComment reports whether the file says what its package is.
func (s *source) hasPackageComment() bool {
	if s.test || s.Doc == nil {
		return false
	}
	return s.Name.Name == "main" || strings.HasPrefix(s.Doc.Text(), "Package "+s.Name.Name+" ")
}

// An export is one exported name and the comment that speaks of it.
type export struct {
	name *ast.Ident
	doc  *ast.CommentGroup
	kind token.Token // FUNC, TYPE, CONST or VAR
}

// exports returns the exported names that a file declares, and the methods of
// its exported types.
func (s *source) exports() (all []export) {
	for _, d := range s.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || ast.IsExported(receiver(d)) {
				all = append(all, export{d.Name, d.Doc, token.FUNC})
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				all = append(all, specExports(d, spec)...)
			}
		}
	}
	return all
}

// specExports returns the names that one line of a declaration declares. A
// comment over a group of constants or variables speaks of them all.
func specExports(d *ast.GenDecl, spec ast.Spec) (all []export) {
	first := func(docs ...*ast.CommentGroup) *ast.CommentGroup {
		for _, doc := range docs {
			if doc != nil {
				return doc
			}
		}
		return nil
	}
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		return []export{{spec.Name, first(spec.Doc, d.Doc), token.TYPE}}
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			all = append(all, export{name, first(spec.Doc, spec.Comment, d.Doc), d.Tok})
		}
	}
	return all
}

// receiver returns the name of the type that fn is a method of.
func receiver(fn *ast.FuncDecl) string {
	t := fn.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

func (s *source) checkComments() {
	if s.test {
		return
	}
	for _, e := range s.exports() {
		switch {
		case !e.name.IsExported():
		case e.doc == nil:
			s.report(e.name.Pos(), "%s has no comment", e.name)
		case (e.kind == token.FUNC || e.kind == token.TYPE) && !startsWith(e.doc.Text(), e.name.Name):
			s.report(e.name.Pos(), "the comment on %s does not start with its name", e.name)
		}
	}
}

// startsWith reports whether a comment's first word, after an article, is name.
func startsWith(doc, name string) bool {
	words := strings.Fields(doc)
	if len(words) > 1 && (words[0] == "A" || words[0] == "An" || words[0] == "The") {
		words = words[1:]
	}
	return len(words) > 0 && strings.TrimRight(words[0], ",.:;") == name
}

func (s *source) checkNames() {
	if emptyPackage.MatchString(s.Name.Name) {
		s.report(s.Package, "package name %q says nothing", s.Name)
	}
	for _, e := range s.exports() {
		if !s.test && e.name.IsExported() && emptyName.MatchString(e.name.Name) {
			s.report(e.name.Pos(), "name %q says nothing", e.name)
		}
	}
}
