// Package chaos puts the house under load and faults, each by a seed, and judges
// afterwards whether what Somssi promises still holds: nothing lost, nobody told
// twice, statistics exact. local/reliability.md says what is promised and what
// each fault is.
//
// A stage is what an episode plays on: the parts (embedded or real), a proxy
// before each of them and before the functions, and the house itself, which is
// `local up` built in a copy of the repository and run as a process of its own.
// An episode is one fault, or several at once, under 200 registrations of 50
// users who are interested in none but these. Its seed decides all that is
// decided here; how processes and packets interleave is the machine's.
package chaos
