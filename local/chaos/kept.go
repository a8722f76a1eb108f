package chaos

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// play is an episode to be: its seed and its fault.
type play struct {
	Seed  int64  `json:"seed"`
	Fault string `json:"fault"`
}

func (p play) String() string { return fmt.Sprintf("%s-%d", p.Fault, p.Seed) }

// keep writes an episode that broke a promise where the next campaigns find it.
func keep(root string, p play, broken []Broken) error {
	text, err := json.MarshalIndent(struct {
		play
		Broken []Broken `json:"broken"`
	}{p, broken[:min(5, len(broken))]}, "", "  ")
	if err != nil {
		return err
	}
	folder := keptIn(root)
	return errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, p.String()+".json"), append(text, '\n'), 0o600))
}

// kept are the episodes that broke a promise once, of the chosen faults.
func kept(root string, chosen []Fault, real bool) (plays []play, err error) {
	files, err := filepath.Glob(filepath.Join(keptIn(root), "*.json"))
	for _, file := range files {
		var p play
		text, unread := os.ReadFile(file)
		if unread == nil {
			unread = json.Unmarshal(text, &p)
		}
		if unread != nil {
			return nil, fmt.Errorf("%s: %w", file, unread)
		}
		if slices.ContainsFunc(chosen, func(f Fault) bool { return f.ID == p.Fault && (real || !f.Real) }) {
			plays = append(plays, p)
		}
	}
	return plays, err
}
