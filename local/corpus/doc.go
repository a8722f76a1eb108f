// Package corpus holds 880 inputs that a house of functions must refuse, or take
// for exactly what they are, as data by class in testdata, and the test that
// sends each through every door it fits of a running house. README.md says what
// a row is and how to add one.
package corpus
