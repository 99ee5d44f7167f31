// Command app is the containerised app of end-to-end tests: a static program
// that is an image by itself.
//
//	app serve ADDR DIR...   answer each TCP connection that sends the path of
//	                        a file below a DIR, and a newline, with the file
//	app write FILE TEXT     make TEXT the content of FILE
//	app cat FILE            print FILE
//	app sleep               do nothing
//
// On SIGTERM it stops, after $LINGER (a duration) if that is set, as a
// database does that has to write its pages first.
//
// It does without net/http, which would triple it.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	linger, _ := time.ParseDuration(os.Getenv("LINGER"))
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	go func() {
		<-terminated
		time.Sleep(linger)
		os.Exit(0)
	}()
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

// run does what args say.
func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "sleep":
		select {}
	case len(args) == 2 && args[0] == "cat":
		return copyFile(os.Stdout, args[1])
	case len(args) == 3 && args[0] == "write":
		return os.WriteFile(args[1], []byte(args[2]), 0o600)
	case len(args) > 2 && args[0] == "serve":
		return serve(args[1], args[2:])
	}
	return errors.New("usage: app serve ADDR DIR... | write FILE TEXT | cat FILE | sleep")
}

// copyFile writes the file's content to w.
func copyFile(w io.Writer, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// serve answers connections, one after the other, until accepting one fails.
func serve(addr string, dirs []string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		if err := answer(conn, dirs); err != nil {
			fmt.Fprintln(os.Stderr, "app:", err)
		}
	}
}

// answer sends one file, and closes the connection.
func answer(conn net.Conn, dirs []string) error {
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	file := filepath.Clean(strings.TrimSpace(line))
	for _, dir := range dirs {
		if strings.HasPrefix(file, filepath.Clean(dir)+"/") {
			return copyFile(conn, file)
		}
	}
	return fmt.Errorf("%q is in none of %q", file, dirs)
}
