mod cleaning;
mod kit;
mod opening;
mod sequences;
