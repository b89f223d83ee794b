//! Injects real faults into the running shop on demand, and observes how it recovers.

mod auditor;
mod injector;
pub mod switches;

pub use auditor::Auditor;
pub use injector::Injector;
