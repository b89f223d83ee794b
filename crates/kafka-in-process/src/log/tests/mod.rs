mod checking;
mod cleaning;
mod damage;
pub(crate) mod kit;
mod opening;
mod sequences;
mod times;
