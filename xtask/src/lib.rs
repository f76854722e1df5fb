//! Library behind the task runner.
