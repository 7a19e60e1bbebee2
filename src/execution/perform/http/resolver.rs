//! Names become addresses once, and are checked where the connection is made: what is checked is what is reached.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::execution::perform::address;

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Says which addresses a name has. Port 0 stands for the URL's.
pub type Lookup = Arc<dyn Fn(String) -> Found + Send + Sync>;

/// The names as this machine knows them.
pub fn of_system() -> Lookup {
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }))
}

/// Refuses a name of which only one address is not public.
pub struct Resolver {
    /// Where addresses come from.
    pub lookup: Lookup,
    /// Whether other than public ones may be reached.
    pub allow_private: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, allow_private) = ((self.lookup)(name.as_str().to_owned()), self.allow_private);
        Box::pin(async move {
            let found = found.await?;
            if !allow_private {
                found.iter().try_for_each(|found| address::check(found.ip()))?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
