//! What happens to the words of a panic: they go to the log, and to the terminal where no dashboard is drawn.
//!
//! A task that panics is started again by its [`super::supervisor::Supervisor`], so the screen stays. Only a panic
//! that ends the process gives the terminal back first; one of the drawing task does so by dropping its screen.

use std::panic::{self, PanicHookInfo};

use crate::dashboard::terminal;

/// Takes over the telling of panics, for the whole process.
pub fn tell() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let thread = std::thread::current();
        tracing::error!("the thread {} {info}", thread.name().unwrap_or("without a name"));
        if ends_the_process(thread.name(), info) {
            terminal::give_back();
        }
        if !terminal::is_taken() {
            print(info);
        }
    }));
}

/// The main thread's panics end the process, and those that cannot unwind: the second one while another unwinds,
/// and one in a function that C calls.
fn ends_the_process(thread: Option<&str>, info: &PanicHookInfo<'_>) -> bool {
    let words = words(info.payload());
    thread == Some("main") || words.contains("cannot unwind") || words.contains("during cleanup")
}

/// What a task that panicked said.
pub fn words(panic: &dyn std::any::Any) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word")
}
