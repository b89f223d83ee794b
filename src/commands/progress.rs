//! Progress of long-running commands: a line on a terminal, rewritten each half second; nothing elsewhere.

use std::{
    io::{IsTerminal, Write, stderr},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

/// Between two lines.
const APART: Duration = Duration::from_millis(500);

/// Shows `line` until `over`, and then once more.
pub(super) async fn show(line: impl Fn() -> String, over: CancellationToken) {
    if !stderr().is_terminal() {
        return;
    }
    loop {
        let ended = over.run_until_cancelled(tokio::time::sleep(APART)).await.is_none();
        let end = if ended { "\n" } else { "" };
        // A closed terminal must not stop the command.
        let _ = stderr().write_all(format!("\r\x1b[K{}{end}", line()).as_bytes());
        if ended {
            return;
        }
    }
}
