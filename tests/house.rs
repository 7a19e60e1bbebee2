//! The one test binary of the house: stories of decisions, and the rules that the code itself keeps.

mod stories;
mod story;
