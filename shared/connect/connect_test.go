package connect_test

import (
	"path/filepath"
	"strings"
	"testing"

	"somssi/shared/connect"
	"somssi/shared/eventtest"
)

func TestSQL(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{
		"nobody there":     "postgres://somssi:hunter2@127.0.0.1:1/db",
		"bad escape":       "postgres://somssi:hunter2%zz@127.0.0.1/db",
		"bad port":         "postgres://somssi:hunter2@127.0.0.1:port/db",
		"password as word": "host=127.0.0.1 port=1 user=somssi password=hunter2",
		"bad words":        "host=127.0.0.1 password=hunter2 port",
		"another server":   "mysql://somssi:hunter2@127.0.0.1/db",
		"a space":          "postgres://somssi:hunter2@127.0.0.1:1/db?connect_timeout= x",
		"empty":            "",
		"missing folder":   "sqlite://" + filepath.Join(t.TempDir(), "missing", "x.db"),
		"a folder":         "sqlite://" + t.TempDir(),
	} {
		db, err := connect.SQL(address)
		if err == nil || db != nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "DATABASE_URL") {
			t.Errorf("%s: %v", name, err)
		}
	}
	db, err := connect.SQL("sqlite://" + filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "5000"} {
		var got string
		if err := db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, %v, want %s", pragma, got, err, want)
		}
	}
	t.Run("real", func(t *testing.T) {
		address := eventtest.Real(t, "TEST_DATABASE_URL")[0]
		for setting, ok := range map[string]bool{"off": false, "on": true, "local": true} {
			db, err := connect.SQL(address + "&options=-c%20synchronous_commit%3D" + setting)
			if (err == nil) != ok || !ok && !strings.Contains(err.Error(), `synchronous_commit is "off"`) {
				t.Errorf("synchronous_commit=%s: %v", setting, err)
			}
			if err == nil {
				_ = db.Close()
			}
		}
	})
}
