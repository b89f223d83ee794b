//! Parses the command line, runs the command, and prints an error as one sentence.

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

/// jemalloc returns memory: a shop is filled at full speed, then runs for hours at five orders a second, and the
/// system's allocator would keep most of the peak.
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
    // Long-running work has its own threads.
    runtime.worker_threads(1).on_thread_start(priority::stand_back).enable_all();
    let runtime = match runtime.build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the program cannot start its threads ({error})")),
    };
    let done = catch_unwind(AssertUnwindSafe(|| runtime.block_on(commands::run(cli))));
    // Does not wait for threads that are blocked on an unreachable broker.
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

/// The only place that prints errors; a closed standard error is ignored.
fn fail(sentence: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "shop-sim: {}", secrets::hide(sentence));
    ExitCode::FAILURE
}
