// Package measure times calls and says what the machine itself can do: multiply-adds on
// registers, bytes copied, bytes read. The benchmarks and elbow doctor compare with it.
//
// All rates are those of one core at the moment of measuring. Compare only with what was
// measured in the same process just before or after.
package measure
