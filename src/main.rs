//! Parses what was typed, does it, and says in one sentence what went wrong.

use std::{
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use shop_sim::{
    cli::{Cli, Command},
    commands,
    runtime::{priority, supervisor::panic_message},
    secrets,
};

/// A shop that was filled at full speed runs on for hours at five orders a second: the system's allocator keeps most
/// of what it once had.
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if matches!(cli.command, Command::Tui(_)) {
        priority::screen_first();
    }
    // Those who work have threads of their own.
    runtime.worker_threads(1).on_thread_start(priority::stand_back).enable_all();
    let runtime = match runtime.build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the program cannot start its threads ({error})")),
    };
    let done = catch_unwind(AssertUnwindSafe(|| runtime.block_on(commands::run(cli))));
    // Threads that wait for a broker that is gone are left behind.
    runtime.shutdown_background();
    match done {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => fail(&failure.to_string()),
        Err(panic) => fail(&format!(
            "a part that cannot be started again failed ({}): start the program again",
            panic_message(panic.as_ref())
        )),
    }
}

/// The one place that prints errors; where standard error is gone nobody reads them.
fn fail(sentence: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "shop-sim: {}", secrets::hide(sentence));
    ExitCode::FAILURE
}
