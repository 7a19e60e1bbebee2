//! The one test binary of the house: stories of decisions, the rules that the code itself keeps, and the program as a process.

mod served;
mod server;
mod stories;
mod story;
mod tidy;
