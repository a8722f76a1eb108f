package parts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Programs of PostgreSQL, the newest that is installed: Debian and Homebrew keep them off the PATH.
func postgresPrograms() (folder string, err error) {
	var found []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/initdb", "/opt/homebrew/opt/postgresql@*/bin/initdb", "/usr/local/opt/postgresql@*/bin/initdb"} {
		some, _ := filepath.Glob(pattern)
		found = append(found, some...)
	}
	if len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return versionIn(a) - versionIn(b) })), nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", missing("PostgreSQL", "initdb", "apt-get install postgresql, or brew install postgresql")
	}
	return filepath.Dir(initdb), nil
}

// versionIn is the number in a path such as /usr/lib/postgresql/17/bin/initdb.
func versionIn(path string) (version int) {
	for part := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '@' }) {
		if n, err := strconv.Atoi(part); err == nil {
			version = n
		}
	}
	return version
}

// realPostgres starts PostgreSQL, which has a commit on disk before it says so,
// and makes the database somssi.
func realPostgres(ctx context.Context, dir string, o Options) (string, *server, error) {
	programs, err := postgresPrograms()
	if err != nil {
		return "", nil, err
	}
	data := filepath.Join(dir, "postgres")
	port, err := portFor(o, SQL, o.Ports.SQL, "--sql-port", "DATABASE_URL=postgres://localhost:%d/somssi", exists(data))
	if err != nil {
		return "", nil, err
	}
	who, err := postgresUser(dir)
	if err != nil {
		return "", nil, err
	}
	if err := initialise(ctx, programs, data, o.Host, who); err != nil {
		return "", nil, err
	}
	arguments := []string{"-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=" + o.bind(), "-c", "unix_socket_directories=",
		"-c", "synchronous_commit=on", "-c", "max_connections=500"}
	if o.test {
		arguments = append(arguments, "-c", "fsync=off") // tests kill no machine
	}
	root := fmt.Sprintf("postgres://somssi@%s:%d/postgres?sslmode=disable", o.bind(), port)
	var s *server
	for limit := time.Now().Add(15 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		command := exec.Command(filepath.Join(programs, "postgres"), arguments...) //nolint:noctx // it is told to stop
		attributes := *who
		command.Dir, command.SysProcAttr = "/", &attributes
		if s, err = launch(SQL, o.Dir, port, command, syscall.SIGQUIT); err != nil {
			return "", nil, err
		}
		err = s.ready(ctx, time.Minute, func(ctx context.Context) error { return createDatabase(ctx, root) })
		// What a killed harness left may need a moment to end.
		if err == nil || time.Now().After(limit) || !strings.Contains(err.Error(), "postmaster.pid") && !strings.Contains(err.Error(), "shared memory block") {
			break
		}
	}
	address := fmt.Sprintf("postgres://somssi@%s:%d/somssi?sslmode=disable", o.host(), port)
	return address, s, err
}

// postgresUser is how a process becomes one that PostgreSQL runs as: never root.
func postgresUser(dir string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, errors.New("PostgreSQL refuses to run as root, and there is no user postgres to run it as: use another user than root")
	}
	uid, _ := strconv.ParseUint(account.Uid, 10, 32)
	gid, _ := strconv.ParseUint(account.Gid, 10, 32)
	for folder := dir; folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		if info, err := os.Stat(folder); err != nil || info.Mode().Perm()&1 == 0 {
			return nil, fmt.Errorf("PostgreSQL runs as user postgres where you are root, and that user cannot enter %s: choose another folder with --state", folder)
		}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

// initialise makes a cluster in data where there is none; half of one is made anew.
// With a host everybody who reaches that is let in.
func initialise(ctx context.Context, programs, data, host string, who *syscall.SysProcAttr) error {
	if exists(data, "PG_VERSION") {
		return nil
	}
	half := data + ".new"
	if err := errors.Join(os.RemoveAll(half), os.MkdirAll(half, 0o700)); err != nil {
		return err
	}
	if c := who.Credential; c != nil {
		if err := os.Chown(half, int(c.Uid), int(c.Gid)); err != nil {
			return err
		}
	}
	command := exec.CommandContext(ctx, filepath.Join(programs, "initdb"), "-D", half, "-U", "somssi", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	command.Dir, command.SysProcAttr = "/", who
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if host != "" {
		hba, err := os.OpenFile(filepath.Join(half, "pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = hba.WriteString("host all all all trust\n")
		if err := errors.Join(err, hba.Close()); err != nil {
			return err
		}
	}
	return os.Rename(half, data)
}

func createDatabase(ctx context.Context, address string) error {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var there bool
	if err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'somssi')`).Scan(&there); err != nil || there {
		return err
	}
	_, err = db.ExecContext(ctx, `CREATE DATABASE somssi`)
	return err
}
