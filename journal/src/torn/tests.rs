//! The decision table, case by case.
