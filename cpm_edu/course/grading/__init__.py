"""Grading: submissions in, points and feedback out. The students' code runs in a sandbox, the judge outside of it."""
