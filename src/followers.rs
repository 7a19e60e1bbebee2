//! What follows the journal at its own pace: nothing here can hold up or fail a call.

pub mod clerk;
pub mod notary;
pub mod witness;
