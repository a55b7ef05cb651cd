package elbow

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadmeProgram runs the program in README.md, which says what it prints.
func TestReadmeProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program; not with -short")
	}
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```go\n")
	program, _, ok := strings.Cut(rest, "```")
	_, comment, found := strings.Cut(program, "fmt.Println(h[:3])")
	want, _, _ := strings.Cut(strings.TrimLeft(comment, " /"), ", on every machine\n")
	if !ok || !found {
		t.Fatal("README.md has no program, or it does not say what it prints")
	}
	name := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(name, []byte(program), 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "run", name).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := strings.TrimSpace(string(out)); got != want {
		t.Errorf("the program prints %s, README.md says %s", got, want)
	}
}
