package tidy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A source is one parsed Go file.
type source struct {
	*ast.File
	fset *token.FileSet
	path string // from the module root
	pkg  string // directory from the module root
	test bool
	text []byte

	findings *[]string
}

// checks are the rules, each applied to every file.
var checks = []func(*source){
	(*source).checkLayers, (*source).checkImporters, (*source).checkLines, (*source).checkFuncs,
	(*source).checkComments, (*source).checkNames, (*source).checkUnfinished, (*source).checkSkips,
}

// check applies the rules to all Go files below root, and returns what it
// found, sorted.
func check(root string) (findings []string, err error) {
	documented := map[string]bool{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		s, err := parse(root, path)
		if err != nil {
			return err
		}
		s.findings = &findings
		for _, check := range checks {
			check(s)
		}
		documented[s.pkg] = documented[s.pkg] || s.hasPackageComment()
		return nil
	})
	for pkg, ok := range documented {
		if _, known := layers[pkg]; !known {
			findings = append(findings, pkg+": package has no place in the table of layers")
		}
		if !ok {
			findings = append(findings, pkg+": package has no comment")
		}
	}
	slices.Sort(findings)
	return findings, err
}

// parse reads the file path below root.
func parse(root, path string) (*source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, rel, text, parser.ParseComments|parser.SkipObjectResolution)
	return &source{
		File: file, fset: fset, path: rel, text: text,
		pkg: filepath.ToSlash(filepath.Dir(rel)), test: strings.HasSuffix(rel, "_test.go"),
	}, err
}

// report adds a finding at pos.
func (s *source) report(pos token.Pos, format string, args ...any) {
	at := s.fset.Position(pos)
	*s.findings = append(*s.findings, fmt.Sprintf("%s:%d: ", at.Filename, at.Line)+fmt.Sprintf(format, args...))
}

// eachImport calls f with each path that a file outside of tests imports, when
// its package is bound by the tables at all.
func (s *source) eachImport(f func(spec *ast.ImportSpec, path string)) {
	if s.test || slices.Contains(layers[s.pkg], anything) {
		return
	}
	for _, spec := range s.Imports {
		path, _ := strconv.Unquote(spec.Path.Value) // the parser has accepted it
		f(spec, path)
	}
}

func (s *source) checkLayers() {
	s.eachImport(func(spec *ast.ImportSpec, path string) {
		if ours, ok := strings.CutPrefix(path, module+"/"); ok && !slices.Contains(layers[s.pkg], ours) {
			s.report(spec.Pos(), "%s may not import %s", s.pkg, ours)
		}
	})
}

func (s *source) checkImporters() {
	s.eachImport(func(spec *ast.ImportSpec, path string) {
		host, _, _ := strings.Cut(path, "/")
		if !strings.Contains(host, ".") || strings.HasPrefix(path, module+"/") {
			return // the standard library, or ours
		}
		for dep, may := range importers {
			if path == dep || strings.HasPrefix(path, dep+"/") {
				if !slices.Contains(may, s.pkg) && !slices.Contains(may, anything) {
					s.report(spec.Pos(), "%s may not import %s", s.pkg, dep)
				}
				return
			}
		}
		s.report(spec.Pos(), "%s has no place in the table of importers", path)
	})
}

func (s *source) checkLines() {
	file := s.fset.File(s.FileStart)
	n := 0
	for line := range strings.Lines(string(s.text)) {
		n++
		line = strings.TrimSuffix(line, "\n")
		columns := utf8.RuneCountInString(line) + (tabColumns-1)*strings.Count(line, "\t")
		if columns > maxColumns {
			s.report(file.LineStart(n), "line of %d columns, limit %d", columns, maxColumns)
		}
	}
	if n > maxFileLines {
		s.report(s.Package, "file of %d lines, limit %d", n, maxFileLines)
	}
}

func (s *source) checkFuncs() {
	limit := maxFuncLines
	if s.test {
		limit = maxTestFuncLines
	}
	for _, d := range s.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := s.fset.Position(fn.End()).Line - s.fset.Position(fn.Pos()).Line + 1; n > limit {
			s.report(fn.Pos(), "%s has %d lines, limit %d", fn.Name, n, limit)
		}
		if n := complexity(fn); n > maxComplexity {
			s.report(fn.Pos(), "%s has complexity %d, limit %d", fn.Name, n, maxComplexity)
		}
		if fn.Name.Name == "init" && fn.Recv == nil {
			s.report(fn.Pos(), "func init: say what happens where it happens")
		}
	}
}

// complexity counts the ways through fn as gocyclo does: one, and one more for
// each branch.
func complexity(fn *ast.FuncDecl) int {
	n := 1
	ast.Inspect(fn, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if node.List != nil {
				n++
			}
		case *ast.CommClause:
			if node.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if node.Op == token.LAND || node.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}

func (s *source) checkUnfinished() {
	for _, group := range s.Comments {
		for _, c := range group.List {
			if word := unfinished.FindString(c.Text); word != "" {
				s.report(c.Pos(), "%s: file an issue, or do it", word)
			}
		}
	}
}

func (s *source) checkSkips() {
	for _, d := range s.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || slices.Contains(skippers, s.pkg+"."+fn.Name.Name) {
			continue
		}
		ast.Inspect(fn, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if ok && s.usesTesting() && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
				s.report(call.Pos(), "%s: no place to skip a test", sel.Sel)
			}
			return true
		})
	}
}

func (s *source) usesTesting() bool {
	return slices.ContainsFunc(s.Imports, func(spec *ast.ImportSpec) bool { return spec.Path.Value == `"testing"` })
}
