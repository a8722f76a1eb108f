package conformance

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// required are the cases of the contract's tables that are not excluded there.
const required = `
R01 R02 R03 R04 R06 R09 R10 R11 R12 R13 R14 R17 R18 R19 R20 R21 R22 R23 R26 R27 R28 R29 R30 R31 R32 R34 R35 R36
W01 W02 W03 W04 W07 W08 W09 W10
D01 D02 D03 D04 D05 D06 D07 D08 D09 D10 D12 D14 D15 D16 D17 D18 D19 D20 D21 D23 D24 D26 D27 D28 D29 D30 D33 D34 D35 D36 D37 D38 D39 D40
F01 F02 F03 F04 F06 F07 F08 F09 F10 F11 F13 F14 F15
O01 O02 O03 O04 O06 O07
C01 C02 C03 C06 C07 C08 C09 C10 C11 C13 C14 C15 C16 C17 C18 C19 C20 C21 C22
V01 V02 V03 V04 V05 V06 V07 V08`

// forBoth are those of them that the contract has for a KafkaSource and for a
// Trigger, and that are here one each.
const forBoth = `
R11 R12 R13 R14 R17 R18 R27 R35 W01 W02 W03 W04 W07 W09 W10
D01 D02 D03 D04 D05 D06 D07 D08 D09 D10 D12 D16 D17 D18 D19 D20 D21 D23 D24 D26 D27 D30
O01 O02 O03 O04 O06 O07 C01 C02 C03 C06 C07 C08 C09 C10 C11 C13 C18`

var caseID = regexp.MustCompile(`^X?[RWDFOCV]\d\d(-[ST])?$`)

func TestCases(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	var before string
	for _, c := range Cases() {
		if seen[c.ID] || !caseID.MatchString(c.ID) {
			t.Errorf("the id %s is there twice, or is none", c.ID)
		}
		if c.Section < before {
			t.Errorf("%s is out of the order of sections", c.ID)
		}
		for what, text := range map[string]string{"section": c.Section, "given": c.Given, "when": c.When, "then": c.Then, "upstream": c.Upstream, "profile": c.Profile} {
			if text == "" {
				t.Errorf("%s says nothing of its %s", c.ID, what)
			}
		}
		if c.run == nil {
			t.Errorf("%s does nothing", c.ID)
		}
		seen[c.ID], before = true, c.Section
	}
	for _, id := range strings.Fields(required) {
		want := []string{id}
		if slices.Contains(strings.Fields(forBoth), id) {
			want = []string{id + "-S", id + "-T"}
		}
		for _, one := range want {
			if !seen[one] {
				t.Errorf("the contract's %s is missing", one)
			}
		}
	}
	if len(Excluded()) == 0 {
		t.Error("nothing is said of what is excluded")
	}
}

func TestSelected(t *testing.T) {
	t.Parallel()
	for selector, want := range map[string]string{"R01": "R01", "D28": "D28", "W01": "W01-S W01-T", "w01-t": "W01-T", "9.7": "V01 V02 V03 V04 V05 V06 V07 V08 XV01"} {
		got, err := Selected([]string{selector})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, c := range got {
			ids = append(ids, c.ID)
		}
		if strings.Join(ids, " ") != want {
			t.Errorf("%s selects %v, want %s", selector, ids, want)
		}
	}
	if _, err := Selected([]string{"R01", "Z"}); err == nil || !strings.Contains(err.Error(), `"Z"`) {
		t.Errorf("error %v", err)
	}
}
